// Network and IPC namespaces made ahead. A network namespace takes the kernel longer to make than all others together, and
// an IPC namespace as long as most of the rest. So once a pair was asked for, spare ones are made, one after the other, in
// parallel to everything else, and kept for a few seconds: who makes many does not wait for them, nobody holds any for ever,
// and the network has the settings that the machine's own had a moment ago (Documentation/networking/ip-sysctl.rst). A new
// IPC namespace has the kernel's own. There are two, since the making of one may take longer than the next process does.
//
// Their maker is a process that shares the launcher's memory, and puts the descriptors into a socket, where they wait.

#include "launcher.h"
#include "launch_child.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/wait.h>

enum { LOWEST_PRIORITY = 19, DESCRIPTORS = 2, KEPT = 2, KEPT_MS = 5000 };

static char stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
// The process that makes a pair, or has made it; 0: none. Its pidfd is MAKER.
static long maker;
// It has put something into the socket.
static int has_sent;
// Pairs in the socket, with the one that is being made.
static int ordered;
// Somebody has asked for one, and when that was, in milliseconds.
static int is_wanted;
static long wanted_ms;

static long now_ms(void)
{
	struct __kernel_timespec now = { 0, 0 };

	SYS2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void open_spares(void)
{
	int ends[2];	// SPARES and SPARES_IN, the next two that are free

	if (SYS4(__NR_socketpair, AU_FAMILY_UNIX, AU_DATAGRAM | AU_SOCK_CLOEXEC, 0, ends) < 0)
		end(1);
}

int is_spare_due(void)
{
	return is_wanted && ordered < KEPT && !maker;
}

int has_maker(void)
{
	return maker != 0;
}

long spares_left_ms(void)
{
	long left;

	if (ordered <= 0)
		return -1;
	left = wanted_ms + KEPT_MS - now_ms();
	return left > 0 ? left : 0;
}

static int open_own(const char *path)
{
	return (int)SYS3(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static void run_maker(void *unused)
{
	int fds[DESCRIPTORS] = { -1, -1 };
	int count = 0;

	(void)unused;
	SYS1(__NR_close, SOCKET);	// the daemon is to see when the launcher is gone
	SYS3(__NR_setpriority, PRIO_PROCESS, 0, LOWEST_PRIORITY);
	if (SYS1(__NR_unshare, CLONE_NEWNET | CLONE_NEWIPC) >= 0 && set_up_loopback() >= 0) {
		fds[0] = open_own("/proc/thread-self/ns/net");
		fds[1] = open_own("/proc/thread-self/ns/ipc");
		count = fds[0] >= 0 && fds[1] >= 0 ? DESCRIPTORS : 0;
	}
	has_sent = send_to(SPARES_IN, "", 1, fds, count);
	for (;;)
		SYS1(__NR_exit, 0);
}

// In a process that shares the memory, but not the descriptors. One after the other: there is one stack. Where it can't be,
// nobody tries until the next time that one is wanted.
void order_spare(void)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_VM | CLONE_PIDFD, .pidfd = (au_u64)&pidfd,
				   .stack = (au_u64)stack, .stack_size = HELPER_STACK_BYTES };
	long pid;

	has_sent = 0;
	pid = au_clone3(&args, sizeof(args), run_maker, 0);
	if (pid < 0) {
		is_wanted = 0;
		return;
	}
	maker = pid;
	ordered++;
	SYS3(__NR_dup3, pidfd, MAKER, O_CLOEXEC);
	SYS1(__NR_close, pidfd);
}

void reap_maker(void)
{
	SYS5(__NR_waitid, P_PID, maker, 0, WEXITED | __WALL, 0);
	SYS3(__NR_dup3, 0, MAKER, O_CLOEXEC);
	maker = 0;
	if (!has_sent) {
		ordered--;
		is_wanted = 0;
	}
}

// Takes what waits in the socket, if there is something. None where it could not be made.
static int receive_spare(struct spare *spare)
{
	struct { struct au_control head; au_s32 fds[DESCRIPTORS]; } control = {0};
	char byte;
	struct au_part part = { &byte, 1 };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };

	if (SYS3(__NR_recvmsg, SPARES, &message, AU_CLOEXEC | AU_DO_NOT_WAIT) != 1)
		return 0;
	ordered -= ordered > 0;
	// Of a list that there was no room for, the kernel gives the beginning.
	if (message.control_length >= sizeof(control.head) + sizeof(au_s32))
		spare->network = control.fds[0];
	if (control.head.length == sizeof(control.head) + sizeof(control.fds))
		spare->ipc = control.fds[1];
	return 1;
}

// Waits for nothing: a processor that has much to do may leave the maker for long.
struct spare take_spare(void)
{
	struct spare spare = { -1, -1 };

	is_wanted = 1;
	wanted_ms = now_ms();
	receive_spare(&spare);
	return spare;
}

void drop_spares(void)
{
	struct spare spare = { -1, -1 };

	is_wanted = 0;
	while (receive_spare(&spare)) {
		if (spare.network >= 0)
			SYS1(__NR_close, spare.network);
		if (spare.ipc >= 0)
			SYS1(__NR_close, spare.ipc);
		spare = (struct spare){ -1, -1 };
	}
	// What is still being made waits as long again.
	wanted_ms = now_ms();
}
