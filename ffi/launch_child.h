// Between the parts of the launcher: launcher.c is the program, launch_child.c and launch_root.c run in the process to be.

#ifndef AU_LAUNCH_CHILD_H
#define AU_LAUNCH_CHILD_H

#include "launch_plan.h"
#include "system_calls.h"

// Namespaces in place of new ones. Each is a descriptor; -1: none.
struct spare {
	int network;		// with loopback up
	int ipc;
};

struct child {
	const struct au_launch_plan *plan;
	struct au_launch_report *report;
	struct spare spare;
};

// Brings up the loopback of the network namespace that the caller is in. Answers 0, or -errno.
__attribute__((visibility("hidden"))) long set_up_loopback(void);

__attribute__((visibility("hidden"))) void run_child(struct child *child);

// Tells the step that failed, and ends the child.
__attribute__((noreturn, visibility("hidden"))) void leave(struct child *child, int step, long negative_errno, long detail);

// Leaves where a system call failed; gives back its answer otherwise.
static inline long check_at(struct child *child, int step, long detail, long answer)
{
	if (answer < 0)
		leave(child, step, answer, detail);
	return answer;
}

// Goes into a root of its own (launch_root.c).
__attribute__((visibility("hidden"))) void enter_root(struct child *child, const struct au_root *root);

#endif
