// What gcc writes calls to, whatever the flags, for a program without a C library. In one file of a program only.

#ifndef AU_MEMORY_H
#define AU_MEMORY_H

void *memset(void *to, int byte, unsigned long length)
{
	for (unsigned long i = 0; i < length; i++)
		((volatile unsigned char *)to)[i] = (unsigned char)byte;
	return to;
}

void *memcpy(void *to, const void *from, unsigned long length)
{
	for (unsigned long i = 0; i < length; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

#endif
