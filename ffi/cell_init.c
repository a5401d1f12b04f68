// The first process of a cell's namespaces: it keeps them alive by being there. Where there is a process id namespace
// it is PID 1 of that, so orphans come to it, and its end is the end of all that is in there.
//
// It never runs once it has started. Ignoring SIGCHLD has the kernel reap its children (wait(2), NOTES; an orphan's
// signal is SIGCHLD, whatever its parent asked for), and those that ended before are reaped at once: others may be born
// in the namespaces before this program runs. Every other signal stays blocked, and SIGKILL ends it. It does not watch
// for the daemon's end: cells outlive the daemon, and those that do not have it killed by the kernel.
//
// Freestanding and small: it is executed from a memfd that all cells share, and each of them pays for the pages that it
// touches.

#include "freestanding.h"

#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/wait.h>

enum { SIGSET_BYTES = 8 };

struct kernel_sigaction {
	__sighandler_t handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static const char name[] = "aurae-cell";
static const unsigned long all = ~0UL;
static const struct kernel_sigaction ignore = { .handler = SIG_IGN };

__attribute__((noreturn, used)) static void cell_init_main(void)
{
	CALL(rt_sigprocmask, SIG_SETMASK, &all, 0, SIGSET_BYTES, 0);
	CALL(rt_sigaction, SIGCHLD, &ignore, 0, SIGSET_BYTES, 0);
	while (CALL(wait4, -1, 0, WNOHANG | __WALL, 0, 0) > 0)
		;
	CALL(prctl, PR_SET_NAME, name, 0, 0, 0);
	for (;;)
		CALL(pause, 0, 0, 0, 0, 0);
}

START(cell_init_main);
