// The launcher: a small process beside the daemon that makes all others. The daemon has many threads and much memory, so
// neither can code run there after a fork, nor may a child share its memory: what is born into a control group is charged
// for what it allocates, and where the group's memory is out, the kernel kills a process in it together with all that
// share its memory (mm/oom_kill.c), which would be the daemon. Here it is the launcher, and the daemon starts another one.
//
// It takes plans from a socket, one after the other, and answers each as soon as there is a process, which is the
// daemon's child (CLONE_PARENT). That shares the launcher's memory until it execs, on a stack of its own; so the daemon
// asks for the next one only once that has come about or failed, which it sees by a pipe that the process holds until
// then. The launcher ends with the other end of its socket.
//
// A network namespace takes the kernel longer to make than all others together. So after each that was given away, a
// spare one is made, in parallel, and kept for the next process for a few seconds: who makes many does not wait for them,
// nobody holds one for ever, and it has the settings that the machine's own had a moment ago (ip-sysctl).
//
// Freestanding: no libc. clone(2), setns(2), unix(7), cmsg(3).

#include "launch_child.h"

#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "freestanding.h"
#include "launch_socket.h"

enum {
	// As they are handed over: 0, 1 and 2 are /dev/null.
	SOCKET = 3,
	SHARED = 4,			// the memory file of the report
	WAKE = 5,			// an eventfd: a plan is there
	SPARES = 6,			// where spares come out, and
	SPARES_IN = 7,			// where they are put in
	FIRST_RECEIVED = 8,
	PAGE_BYTES = 4096,
	BUFFER_BYTES = 64 * 1024,	// a longer plan gets memory of its own
	CHILD_STACK_BYTES = 64 * 1024,
	HELPER_STACK_BYTES = 16 * 1024,
	SPARE_DELAY_MS = 2,		// so that one is not made amid what needs the processors more
	SPARE_SECONDS = 5,
	HELPER_SLICE_MS = 10,
	HELPER_SLICES = 50,
	LOWEST_PRIORITY = 19,
	SIGNAL_COUNT = 64,
	SIGSET_BYTES = 8,
	RESTORE_TRIES = 1000,
};

static const char name[] = "aurae-launch";
static char buffer[BUFFER_BYTES] __attribute__((aligned(16)));
static char child_stack[CHILD_STACK_BYTES] __attribute__((aligned(16)));
static char helper_stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
static char spare_stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
// The process that makes a spare network namespace, or has made it; 0: none.
static long spare_maker;
static int is_spare_due;
// What the process to be has to know. It reads that while the launcher goes on, so it is on nobody's stack.
static struct child child;
// Memory of a plan that does not fit into the buffer, and its length.
static long large_plan;
static unsigned long large_bytes;

struct received {
	au_s32 fds[AU_MAX_SENT];
	int count;
};

// clone3 returns twice. The child's return must not touch its parent's stack, so the call and the jump into the child's
// code are one piece of assembly: rdi = clone_args, rsi = their size, rdx = function, rcx = its argument.
__asm__(".text\n"
	".local au_clone3\n"
	".type au_clone3,@function\n"
	"au_clone3:\n"
	"	push %r12\n"
	"	push %r13\n"
	"	mov %rdx, %r12\n"
	"	mov %rcx, %r13\n"
	"	mov $435, %eax\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	mov %r13, %rdi\n"
	"	call *%r12\n"
	"	hlt\n"
	".size au_clone3,.-au_clone3\n");

extern long au_clone3(struct clone_args *args, unsigned long size, void (*run)(void *), void *argument)
	__attribute__((visibility("hidden")));

// ---------------------------------------------------------------------------------------------------------- messages

__attribute__((noreturn)) static void end(int status)
{
	for (;;)
		SYS1(__NR_exit_group, status);
}

static void take_descriptors(struct au_message *message, struct received *received)
{
	struct au_control *control = message->control;

	if (message->control_length < sizeof(*control) || control->type != AU_RIGHTS)
		return;
	received->count = (int)((control->length - sizeof(*control)) / sizeof(au_s32));
	for (int i = 0; i < received->count && i < AU_MAX_SENT; i++)
		received->fds[i] = control->fds[i];
}

static void receive_all(char *to, unsigned long length)
{
	while (length > 0) {
		long count = SYS4(__NR_recvfrom, SOCKET, to, length, 0);

		if (count <= 0)
			end(0);
		to += count;
		length -= (unsigned long)count;
	}
}

// The next plan, with its descriptors; the first piece of it brings them all.
static struct au_launch_plan *receive(struct received *received)
{
	struct { struct au_control head; au_s32 fds[AU_MAX_SENT]; } control;
	struct au_part part = { buffer, BUFFER_BYTES };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };
	struct au_launch_plan *plan = (struct au_launch_plan *)buffer;
	long count = SYS3(__NR_recvmsg, SOCKET, &message, AU_CLOEXEC);

	// Whoever was made by the last plan has no more use for it.
	if (large_plan)
		SYS2(__NR_munmap, large_plan, large_bytes);
	large_plan = 0;
	// The daemon is gone; or what it says is not for this launcher.
	if (count <= 0 || (message.flags & AU_CONTROL_TRUNCATED))
		end(0);
	received->count = 0;
	take_descriptors(&message, received);
	if ((unsigned long)count < sizeof(plan->length))
		receive_all(buffer + count, sizeof(plan->length) - (unsigned long)count), count = sizeof(plan->length);
	if (plan->length > BUFFER_BYTES) {
		long memory = SYS6(__NR_mmap, 0, plan->length, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory < 0)
			end(1);
		large_plan = memory;
		large_bytes = plan->length;
		for (long i = 0; i < count; i++)
			((char *)memory)[i] = buffer[i];
		plan = (struct au_launch_plan *)memory;
	}
	receive_all((char *)plan + count, plan->length - (unsigned long)count);
	return plan;
}

// Answers whether it was sent.
static int send_to(int socket, const void *bytes, unsigned long length, int fd)
{
	struct { struct au_control head; au_s32 fd, padding; } control = {
		.head = { .length = sizeof(struct au_control) + sizeof(au_s32), .level = SOL_SOCKET, .type = AU_RIGHTS },
		.fd = fd,
	};
	struct au_part part = { (void *)bytes, length };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };

	if (fd < 0) {
		message.control = 0;
		message.control_length = 0;
	}
	return SYS3(__NR_sendmsg, socket, &message, AU_NO_SIGNAL) == (long)length;
}

// ------------------------------------------------------------------------------------------- spare network namespaces

static void run_spare_maker(void *unused)
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

// Has the next one made, in a process that shares the memory, but not the descriptors.
static void order_spare(void)
{
	struct clone_args args = { .flags = CLONE_VM, .stack = (au_u64)spare_stack, .stack_size = HELPER_STACK_BYTES };
	long pid = au_clone3(&args, sizeof(args), run_spare_maker, 0);

	spare_maker = pid < 0 ? 0 : pid;
	is_spare_due = 0;
}

// Takes the spare one. -1: there is none, or not yet: a processor that has much to do may leave it for long.
static int take_spare(void)
{
	struct { struct au_control head; au_s32 fd, padding; } control = {0};
	char byte;
	struct au_part part = { &byte, 1 };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };
	siginfo_t ended = { .si_pid = 0 };

	if (!spare_maker)
		return -1;
	// First, so that what it has sent is there if it has ended.
	SYS5(__NR_waitid, P_PID, spare_maker, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
	if (SYS3(__NR_recvmsg, SPARES, &message, AU_CLOEXEC | AU_DO_NOT_WAIT) != 1) {
		message.control_length = 0;
		if (!ended.si_pid)
			return -1;
	}
	SYS5(__NR_waitid, P_PID, spare_maker, 0, WEXITED | __WALL, 0);
	spare_maker = 0;
	return message.control_length > sizeof(control.head) ? control.fd : -1;
}

// Waits for a plan. It is told of by an eventfd, not by the socket: there the kernel takes it that who writes is about to
// wait, and has who reads run on the same processor, while the daemon wants to go on.
static void wait_for_plan(void)
{
	for (;;) {
		struct pollfd sources[] = { { .fd = SOCKET }, { .fd = WAKE, .events = POLLIN } };
		struct __kernel_timespec delay = { 0, SPARE_DELAY_MS * 1000000L }, kept = { SPARE_SECONDS, 0 };
		int is_to_make = is_spare_due && !spare_maker;
		long count = SYS5(__NR_ppoll, sources, 2, is_to_make ? &delay : spare_maker ? &kept : 0, 0, 0);

		if (sources[0].revents)
			end(0);
		if (count > 0) {
			au_u64 plans;

			SYS3(__NR_read, WAKE, &plans, sizeof(plans));
			return;
		}
		if (is_to_make) {
			order_spare();
		} else {
			int spare = take_spare();

			if (spare >= 0)
				SYS1(__NR_close, spare);
		}
	}
}

// ------------------------------------------------------------------------------------------------ places to addresses

static void relocate(au_u64 *place, const void *base)
{
	if (*place)
		*place += (au_u64)base;
}

static void relocate_strings(au_u64 *place, const void *base)
{
	relocate(place, base);
	for (au_u64 *one = (au_u64 *)*place; one && *one; one++)
		relocate(one, base);
}

static void relocate_root(struct au_launch_plan *plan)
{
	struct au_root *root;
	struct au_root_mount *mounts;

	relocate(&plan->root, plan);
	root = (struct au_root *)plan->root;
	if (!root)
		return;
	relocate(&root->size, plan);
	relocate_strings(&root->directories, plan);
	relocate(&root->mounts, plan);
	relocate(&root->proc, plan);
	relocate_strings(&root->hidden, plan);
	mounts = (struct au_root_mount *)root->mounts;
	for (au_u64 i = 0; i < root->mount_count; i++) {
		relocate(&mounts[i].source, plan);
		relocate(&mounts[i].target, plan);
	}
}

static void settle(au_s32 *place, const struct received *received)
{
	*place = *place >= 0 && *place < received->count ? received->fds[*place] : -1;
}

// After this the plan holds addresses and descriptors of this process.
static void adapt(struct au_launch_plan *plan, const struct received *received)
{
	struct au_descriptor *descriptors;

	relocate_strings(&plan->paths, plan);
	relocate_strings(&plan->argv, plan);
	relocate_strings(&plan->envp, plan);
	relocate(&plan->cwd, plan);
	relocate(&plan->hostname, plan);
	relocate(&plan->rlimits, plan);
	relocate(&plan->groups, plan);
	relocate(&plan->filter, plan);
	relocate(&plan->descriptors, plan);
	relocate_root(plan);
	settle(&plan->cgroup, received);
	settle(&plan->join_pidfd, received);
	settle(&plan->own_pid_namespace, received);
	settle(&plan->program, received);
	for (int i = 0; i < 3; i++)
		settle(&plan->stdio[i], received);
	settle(&plan->status, received);
	descriptors = (struct au_descriptor *)plan->descriptors;
	for (au_u32 i = 0; i < plan->descriptor_count; i++)
		settle(&descriptors[i].from, received);
}

// ------------------------------------------------------------------------------------------------------------ clone3

struct nested {
	struct clone_args *args;
	au_u32 running;		// cleared by the kernel when the helper has let go of the memory
	long answer;
};

static void run(void *unused)
{
	(void)unused;
	run_child(&child);
}

static void run_helper(void *argument)
{
	struct nested *nested = argument;

	nested->answer = au_clone3(nested->args, sizeof(*nested->args), run, 0);
	for (;;)
		SYS1(__NR_exit, 0);
}

static int is_running(struct nested *nested, int pidfd)
{
	for (int i = 0; i < HELPER_SLICES; i++) {
		struct __kernel_timespec slice = { 0, HELPER_SLICE_MS * 1000000L };

		if (!__atomic_load_n(&nested->running, __ATOMIC_ACQUIRE))
			return 0;
		// Not FUTEX_PRIVATE_FLAG: the kernel wakes without it.
		if (SYS4(__NR_futex, &nested->running, FUTEX_WAIT, 1, &slice) == -ETIMEDOUT)
			SYS4(__NR_pidfd_send_signal, pidfd, SIGCONT, 0, 0);
	}
	return 1;
}

// A process id namespace inside of another can only be made by a process that is in there, and that is not the launcher.
// So a helper is born there, which makes the child as its own sibling and ends. It shares the memory, for what it says,
// and the descriptors, for the child's pidfd. Whoever is root in there can stop it and kill it at any moment.
static long clone_by_helper(struct clone_args *args, int *child_pidfd)
{
	static struct nested nested;
	int pidfd = -1, is_left;
	struct clone_args helper = {
		.flags = CLONE_VM | CLONE_FILES | CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		.pidfd = (au_u64)&pidfd,
		.parent_tid = (au_u64)&child.report->helper,
		.child_tid = (au_u64)&nested.running,
		.stack = (au_u64)helper_stack,
		.stack_size = HELPER_STACK_BYTES,
	};
	long pid;

	nested = (struct nested){ args, 1, -ECHILD };
	args->flags &= ~(au_u64)CLONE_PARENT_SETTID;	// that number would be one of the namespace that is joined
	pid = au_clone3(&helper, sizeof(helper), run_helper, &nested);
	if (pid < 0)
		return pid;
	if (is_running(&nested, pidfd)) {
		SYS4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
		is_left = is_running(&nested, pidfd);
		if (is_left)
			end(1);		// it would go on in this memory
	}
	SYS1(__NR_close, pidfd);
	// Killed before it could say so, it may have made the child.
	if (nested.answer == -ECHILD && *child_pidfd >= 0 && SYS2(__NR_fcntl, *child_pidfd, F_GETFD) >= 0)
		return 0;
	return nested.answer < 0 ? nested.answer : 0;
}

static void fail(struct au_launch_answer *answer, int step, long negative_errno)
{
	answer->step = step;
	answer->error = (au_s32)-negative_errno;
}

// In a root of its own there is no network at all, so there loopback stays down. And inside of another network namespace
// a new one has its settings, and not the machine's.
static int wants_network(const struct au_launch_plan *plan)
{
	return (plan->namespaces & CLONE_NEWNET) && !plan->root && !(plan->join & CLONE_NEWNET);
}

// Makes the child, in the pid namespace that is to be joined: that is a property of the launcher's thread, which has its
// own again when this returns. If the kernel refuses, the child's fate is sealed, and so is the launcher's.
static int launch(struct au_launch_answer *answer)
{
	const struct au_launch_plan *plan = child.plan;
	int joins = (plan->join & CLONE_NEWPID) != 0, pidfd = -1;
	struct clone_args args = {
		// What is new is made at once, unless it is to be made inside of what is joined first.
		.flags = CLONE_VM | CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID |
			 (plan->join ? plan->namespaces & CLONE_NEWPID : plan->namespaces),
		.pidfd = (au_u64)&pidfd,
		.parent_tid = (au_u64)&child.report->pid,
		.stack = (au_u64)child_stack,
		.stack_size = CHILD_STACK_BYTES,
	};
	long pid, restored = 0;

	if (wants_network(plan)) {
		child.network = take_spare();
		is_spare_due = 1;
		if (child.network >= 0)
			args.flags &= ~(au_u64)CLONE_NEWNET;
	}
	if (plan->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (au_u64)plan->cgroup;
	}
	if (joins) {
		long joined = SYS2(__NR_setns, plan->join_pidfd, CLONE_NEWPID);

		if (joined < 0) {
			fail(answer, AU_STEP_JOIN_PID, joined);
			return -1;
		}
	}
	if (joins && (plan->namespaces & CLONE_NEWPID))
		pid = clone_by_helper(&args, &pidfd);
	else
		pid = au_clone3(&args, sizeof(args), run, 0);
	for (int i = 0; joins && i < RESTORE_TRIES; i++) {
		restored = SYS2(__NR_setns, plan->own_pid_namespace, CLONE_NEWPID);
		if (restored >= 0)
			break;
	}
	if (pid < 0) {
		pidfd = -1;	// the kernel may have written a number that came to nothing
		fail(answer, AU_STEP_CLONE, pid);
	}
	answer->pid = (au_s32)pid;
	if (restored < 0) {
		fail(answer, AU_STEP_RESTORE, restored);
		if (pidfd >= 0)
			SYS4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
	}
	return pidfd;
}

static void serve(struct au_launch_report *report)
{
	struct received received;
	struct au_launch_plan *plan = receive(&received);
	struct au_launch_answer answer = { .pid = -1, .step = AU_STEP_NONE };
	int pidfd;

	adapt(plan, &received);
	child = (struct child){ .plan = plan, .report = report, .network = -1 };
	*report = (struct au_launch_report){ .step = AU_STEP_UNFINISHED };
	pidfd = launch(&answer);
	if (!send_to(SOCKET, &answer, sizeof(answer), pidfd) || answer.step == AU_STEP_RESTORE)
		end(1);
	SYS3(__NR_close_range, FIRST_RECEIVED, ~0u, 0);
}

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	au_u64 mask;
};

// What the daemon's runtime ignores, SIGPIPE for one, outlives an exec; every child of this process would inherit it.
static void reset_signals(void)
{
	struct kernel_sigaction action = {0};
	au_u64 all = ~0ull;

	SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &all, 0, SIGSET_BYTES);
	for (int number = 1; number <= SIGNAL_COUNT; number++)
		SYS4(__NR_rt_sigaction, number, &action, 0, SIGSET_BYTES);
}

__attribute__((noreturn, used)) static void launcher_main(void)
{
	int spares[2];	// SPARES and SPARES_IN, the next two that are free
	long report;

	reset_signals();
	SYS2(__NR_prctl, PR_SET_NAME, name);
	// A child without capabilities is in this memory: no other process of its user may look or write into it.
	SYS2(__NR_prctl, PR_SET_DUMPABLE, 0);
	SYS0(__NR_setsid);
	report = SYS6(__NR_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED, 0);
	if (report < 0)
		end(1);
	if (SYS4(__NR_socketpair, AU_FAMILY_UNIX, AU_DATAGRAM | AU_SOCK_CLOEXEC, 0, spares) < 0)
		end(1);
	for (;;) {
		wait_for_plan();
		serve((struct au_launch_report *)report);
	}
}

START(launcher_main);
