// Between the parts of the launcher's program: launcher.c makes processes, launch_receive.c takes plans from the socket,
// launch_spare.c has network namespaces made ahead.

#ifndef AU_LAUNCHER_H
#define AU_LAUNCHER_H

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
	FIRST_RECEIVED = 8,

	HELPER_STACK_BYTES = 16 * 1024,
};

__attribute__((noreturn)) PART void end(int status);

// Calls clone3. The child runs `run` on the stack of `args`, and never returns.
PART long au_clone3(struct clone_args *args, unsigned long size, void (*run)(void *), void *argument);

// Takes the next plan, and closes nothing: its descriptors are those from FIRST_RECEIVED on. It stays until the next one.
PART struct au_launch_plan *receive_plan(void);

// Sends bytes, and a descriptor if there is one. Answers whether that went.
PART int send_to(int socket, const void *bytes, unsigned long length, int fd);

PART void open_spares(void);

// Whether one is to be made as soon as there is time for it, and whether one is being made or there.
PART int is_spare_due(void);
PART int has_spare(void);
PART void order_spare(void);

// Takes the spare network namespace, and notes that another one is due. -1: there is none, or not yet.
PART int take_spare(void);

// Lets go of it.
PART void drop_spare(void);

#endif
