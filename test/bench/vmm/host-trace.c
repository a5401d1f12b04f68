// When the kernel entered a guest first, by its tracing. It writes CLOCK_MONOTONIC with every event.

#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"
#define ENTRY TRACING "events/kvm/kvm_entry/"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

// The first entry of all switches the recording off, so that a run pays for no more than that one.
void start_trace(void)
{
	write_file(TRACING "tracing_on", "0");
	write_file(TRACING "trace_clock", "mono");
	write_file(ENTRY "trigger", "!traceoff:1");
	write_file(ENTRY "trigger", "traceoff:1");
	write_file(TRACING "trace", "\n");
	write_file(ENTRY "enable", "1");
	write_file(TRACING "tracing_on", "1");
}

long long traced_ns(void)
{
	FILE *trace = fopen(TRACING "trace", "re");
	char line[400];
	long long seconds = -1;
	long long micros = 0;

	require(trace != 0, "trace");
	while (seconds < 0 && fgets(line, sizeof(line), trace) != 0) {
		// "  name-123  [000] d..1.  12.345678: kvm_entry: vcpu 0, …"
		char *end = strstr(line, ": kvm_entry");
		if (line[0] == '#' || end == 0)
			continue;
		char *start = end;
		while (start > line && start[-1] != ' ')
			start--;
		if (sscanf(start, "%lld.%6lld", &seconds, &micros) != 2)
			seconds = -1;
	}
	fclose(trace);
	write_file(ENTRY "enable", "0");
	if (seconds < 0)
		fail("no kvm_entry was traced");
	return seconds * 1000000000LL + micros * 1000;
}
