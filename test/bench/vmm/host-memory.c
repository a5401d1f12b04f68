// What a monitor has of the machine's memory, beside what is the guest's, as /proc/PID/smaps tells it.

#include "host.h"

#include <stdio.h>
#include <string.h>

// The kernel joins mappings of the same kind that lie side by side.
enum { NEIGHBOUR_KIB = 1024 };

// Pages of a file that is there for all count apart from the rest: they belong to the page cache.
void print_memory(const char *when, pid_t monitor, long guest_kib)
{
	char path[64];
	char line[400];
	long private_kib = 0;
	long file_kib = 0;
	long guests = 0;
	int is_guests = 0;
	int is_file = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps", monitor);
	FILE *maps = fopen(path, "re");
	require(maps != 0, path);
	while (fgets(line, sizeof(line), maps) != 0) {
		long kib;
		char *file = strchr(line, '/');
		if (sscanf(line, "Size: %ld", &kib) == 1) {
			is_guests = kib >= guest_kib && kib < guest_kib + NEIGHBOUR_KIB;
			guests += is_guests;
		} else if (sscanf(line, "Private_Clean: %ld", &kib) == 1 ||
			   sscanf(line, "Private_Dirty: %ld", &kib) == 1) {
			if (is_guests)
				continue;
			*(is_file ? &file_kib : &private_kib) += kib;
		} else if (sscanf(line, "Anonymous: %ld", &kib) == 1) {
			// Of a file, and copied when it was written to.
			if (is_file) {
				file_kib -= kib;
				private_kib += kib;
			}
		} else if (line[0] >= '0' && line[0] <= 'f' && strchr(line, '-') != 0) {
			is_file = file != 0 && strstr(line, "memfd:") == 0 && strstr(line, "(deleted)") == 0;
		}
	}
	fclose(maps);
	if (guests != 1)
		fail("the guest's memory is not one mapping of its size");
	printf("%s.private %ld\n%s.files %ld\n", when, private_kib, when, file_kib);
}
