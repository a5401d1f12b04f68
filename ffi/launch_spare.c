// Network namespaces made ahead, one at a time. A network namespace takes the kernel longer to make than all others
// together. So after each that was given away, a spare one is made, in parallel, and kept for the next process for a few
// seconds: who makes many does not wait for them, nobody holds one for ever, and it has the settings that the machine's own
// had a moment ago (Documentation/networking/ip-sysctl.rst).
//
// Its maker is a process that shares the launcher's memory and sends it the descriptor of what it has made.

#include "launcher.h"
#include "launch_child.h"

#include <asm/siginfo.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>

enum { LOWEST_PRIORITY = 19 };

static char stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
// The process that makes one, or has made it; 0: none.
static long maker;
// It has been taken from the maker, which ends when it gets a processor for that.
static int is_taken;
static int is_due;

void open_spares(void)
{
	int ends[2];	// SPARES and SPARES_IN, the next two that are free

	if (SYS4(__NR_socketpair, AU_FAMILY_UNIX, AU_DATAGRAM | AU_SOCK_CLOEXEC, 0, ends) < 0)
		end(1);
}

int is_spare_due(void)
{
	return is_due && (!maker || is_taken);
}

int has_spare(void)
{
	return maker && !is_taken;
}

static void run_maker(void *unused)
{
	long fd = -1;

	(void)unused;
	SYS1(__NR_close, SOCKET);	// the daemon is to see when the launcher is gone
	SYS3(__NR_setpriority, PRIO_PROCESS, 0, LOWEST_PRIORITY);
	if (SYS1(__NR_unshare, CLONE_NEWNET) >= 0 && set_up_loopback() >= 0)
		fd = SYS3(__NR_openat, AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	send_to(SPARES_IN, "", 1, (int)fd);
	for (;;)
		SYS1(__NR_exit, 0);
}

// Answers whether the maker has ended. Then it is there to be reaped.
static int has_ended(void)
{
	siginfo_t ended = { .si_pid = 0 };

	SYS5(__NR_waitid, P_PID, maker, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
	return ended.si_pid != 0;
}

static void reap(void)
{
	SYS5(__NR_waitid, P_PID, maker, 0, WEXITED | __WALL, 0);
	maker = 0;
	is_taken = 0;
}

// In a process that shares the memory, but not the descriptors. One after the other: there is one stack.
void order_spare(void)
{
	struct clone_args args = { .flags = CLONE_VM, .stack = (au_u64)stack, .stack_size = HELPER_STACK_BYTES };
	long pid;

	if (maker && !has_ended())
		return;
	if (maker)
		reap();
	pid = au_clone3(&args, sizeof(args), run_maker, 0);
	maker = pid < 0 ? 0 : pid;
	is_due = 0;
}

// Waits for nothing: a processor that has much to do may leave the maker for long.
static int take(void)
{
	struct { struct au_control head; au_s32 fd, padding; } control = {0};
	char byte;
	struct au_part part = { &byte, 1 };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };
	int is_over;

	if (!has_spare())
		return -1;
	// First, so that what it has sent is there if it has ended.
	is_over = has_ended();
	is_taken = SYS3(__NR_recvmsg, SPARES, &message, AU_CLOEXEC | AU_DO_NOT_WAIT) == 1;
	if (!is_taken)
		message.control_length = 0;
	if (is_over)
		reap();
	return message.control_length > sizeof(control.head) ? control.fd : -1;
}

int take_spare(void)
{
	is_due = 1;
	return take();
}

void drop_spare(void)
{
	int spare = take();

	if (spare >= 0)
		SYS1(__NR_close, spare);
}
