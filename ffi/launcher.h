// Between the parts of the launcher's program: launcher.c makes processes, launch_receive.c takes plans from the socket,
// launch_spare.c has namespaces made ahead.

#ifndef AU_LAUNCHER_H
#define AU_LAUNCHER_H

#include "launch_child.h"
#include "launch_socket.h"

#define PART __attribute__((visibility("hidden")))

struct clone_args;

enum {
	// Descriptors, as they are handed over: 0, 1 and 2 are /dev/null.
	SOCKET = 3,
	SHARED = 4,			// the memory file of the report
	WAKE = 5,			// an eventfd: a plan is there
	SPARES = 6,			// where spares come out, and
	SPARES_IN = 7,			// where they are put in
	PREVIOUS = 8,			// the pidfd of what was made last, where that has namespaces of its own
	MAKER = 9,			// the pidfd of the process that makes spares
	DEPENDENTS = 10,		// the pidfds of the last AU_REPORTS processes that end with the daemon
	FIRST_RECEIVED = DEPENDENTS + AU_REPORTS,

	HELPER_STACK_BYTES = 16 * 1024,
};

// Ends the launcher; with the daemon, what is to end with that.
__attribute__((noreturn)) PART void end(int status);

// Whether nobody has the other end of the socket.
PART int is_daemon_gone(void);

// Calls clone3. The child runs `run` on the stack of `args`, and never returns.
PART long au_clone3(struct clone_args *args, unsigned long size, void (*run)(void *), void *argument);

// Takes the next plan, and closes nothing: its descriptors are those from FIRST_RECEIVED on. It stays until the next but
// one.
PART struct au_launch_plan *receive_plan(void);

// Sends bytes, and up to AU_MAX_RETURNED descriptors. Answers whether that went.
PART int send_to(int socket, const void *bytes, unsigned long length, const int *fds, int count);

PART void open_spares(void);

// Whether one is to be made as soon as there is time for it.
PART int is_spare_due(void);
PART void order_spare(void);

// Whether one is being made. Its maker is to be reaped once it has ended, which MAKER tells.
PART int has_maker(void);
PART void reap_maker(void);

// How long those that are there are still kept; -1: there are none.
PART long spares_left_ms(void);

// Takes spare namespaces, and notes that others are due. None: there are none, or not yet.
PART struct spare take_spare(void);

// Lets go of all.
PART void drop_spares(void);

#endif
