// The parts of the program "host"; host.c says what it does.

#define _GNU_SOURCE
#include <sys/types.h>

// Ends what this program has started, and it. `require` adds what errno says.
void fail(const char *what);
void require(int ok, const char *what);

// A TAP device whose host has 10.99.0.1, as a descriptor.
int open_tap(const char *name);
// Answers one guest, in a process of its own.
pid_t start_server(void);

void start_trace(void);
// CLOCK_MONOTONIC in nanoseconds at the first KVM_RUN since start_trace.
long long traced_ns(void);

// Prints "WHEN.private" and "WHEN.files" in KiB; the guest's memory is the one mapping of about its size.
void print_memory(const char *when, pid_t monitor, long guest_kib);
