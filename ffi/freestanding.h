// What a program without a C library needs first: system calls, and a start. For x86-64.

#ifndef AU_FREESTANDING_H
#define AU_FREESTANDING_H

#include <asm/unistd.h>

static inline long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

#define CALL(number, a, b, c, d, e) \
	call(__NR_##number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

// Enters `function`, which never returns, with the stack aligned as C wants it.
#define START(function)                  \
	__asm__(".globl _start\n"        \
		"_start:\n"              \
		"	xor %ebp, %ebp\n" \
		"	and $-16, %rsp\n" \
		"	call " #function "\n" \
		"	hlt\n")

#endif
