// Between the two halves of the launcher: launch.c runs in the daemon, launch_child.c in the process to be.

#ifndef AU_LAUNCH_CHILD_H
#define AU_LAUNCH_CHILD_H

#include "launch_plan.h"

struct clone_args;

struct child {
	const struct au_launch_plan *plan;
	struct au_launch_result *result;
	struct clone_args *nested;	// for a helper
};

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

extern long au_syscall(long number, long a, long b, long c, long d, long e, long f);

#define SYS0(n) au_syscall(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) au_syscall(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) au_syscall(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) au_syscall(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS6(n, a, b, c, d, e, f) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
