// The launcher: a small process beside the daemon that makes all others. The daemon has many threads and much memory, so
// neither can code run there after a fork, nor may a child share its memory: what is born into a control group is charged
// for what it allocates, and where the group's memory is out, the kernel kills a process in it together with all that
// share its memory (mm/oom_kill.c), which would be the daemon. Here it is the launcher, and the daemon starts another one.
//
// It takes plans from a socket, one after the other, and answers each as soon as there is a process, which is the
// daemon's child (CLONE_PARENT). That shares the launcher's memory until it execs, on a stack of its own. There are two of
// all that such a process uses, so one plan may come while what the one before made is still on its way; for the one after
// that the daemon waits until the first has come about or failed, which it sees by a pipe that the process holds until
// then. So who is to be born in new namespaces is asked for together with their first process. The launcher ends with the
// other end of its socket.
//
// Freestanding: no libc. clone(2), setns(2).

#include "launch_child.h"
#include "launcher.h"

#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "freestanding.h"

enum {
	PAGE_BYTES = 4096,
	CHILD_STACK_BYTES = 64 * 1024,
	SPARE_DELAY_MS = 2,		// so that one is not made amid what needs the processors more
	READY_LOOKS = 50,		// before it sleeps
	READY_SLICE_MS = 10,
	READY_SLICES = 50,
	HELPER_SLICE_MS = 10,
	HELPER_SLICES = 50,
	SIGNAL_COUNT = 64,
	SIGSET_BYTES = 8,
	RESTORE_TRIES = 1000,
};

static const char name[] = "aurae-launch";
static char helper_stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
// Of each process to be: its stack, and what it has to know, which it reads while the launcher goes on.
static struct birth {
	char stack[CHILD_STACK_BYTES] __attribute__((aligned(16)));
	struct child child;
} births[AU_REPORTS];
static unsigned next;
// Of the last process with namespaces of its own, whose pidfd is PREVIOUS: its report, and the number of its plan.
static struct au_launch_report *previous;
static au_u32 previous_number;
// Plans that it was told of and has not taken.
static au_u64 plans;

// clone3 returns twice. The child's return must not touch its parent's stack, so the call and the jump into the child's
// code are one piece of assembly: rdi = clone_args, rsi = their size, rdx = function, rcx = its argument.
__asm__(".text\n"
	".globl au_clone3\n"
	".hidden au_clone3\n"
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

int is_daemon_gone(void)
{
	struct pollfd daemon = { .fd = SOCKET };
	struct __kernel_timespec now = {0};

	return SYS5(__NR_ppoll, &daemon, 1, &now, 0, 0) != 0;
}

// Where the daemon is gone, its first thread may have been for a while, and the socket not, since other threads had it: what
// was made meanwhile has never been a child of the daemon's, and nothing else ends it.
void end(int status)
{
	int is_over = is_daemon_gone();

	for (int i = 0; is_over && i < AU_REPORTS; i++)
		SYS4(__NR_pidfd_send_signal, DEPENDENTS + i, SIGKILL, 0, 0);
	for (;;)
		SYS1(__NR_exit_group, status);
}

// Waits for a plan. It is told of by an eventfd, not by the socket: there the kernel takes it that who writes is about to
// wait, and has who reads run on the same processor, while the daemon wants to go on.
static void wait_for_plan(void)
{
	while (!plans) {
		struct pollfd sources[] = {
			{ .fd = SOCKET },
			{ .fd = WAKE, .events = POLLIN },
			{ .fd = has_maker() ? MAKER : -1, .events = POLLIN },
		};
		int is_due = is_spare_due();
		long ms = is_due ? SPARE_DELAY_MS : spares_left_ms();
		struct __kernel_timespec timeout = { ms / 1000, ms % 1000 * 1000000 };
		long count = SYS5(__NR_ppoll, sources, 3, ms < 0 ? 0 : &timeout, 0, 0);

		if (sources[0].revents)
			end(0);
		if (sources[1].revents)
			SYS3(__NR_read, WAKE, &plans, sizeof(plans));
		else if (sources[2].revents)
			reap_maker();
		else if (count == 0 && is_due)
			order_spare();
		else if (count == 0)
			drop_spares();
	}
	plans--;
}

struct nested {
	struct clone_args *args;
	struct child *child;
	au_u32 running;		// cleared by the kernel when the helper has let go of the memory
	long answer;
};

static void run(void *child)
{
	run_child(child);
}

static void run_helper(void *argument)
{
	struct nested *nested = argument;

	nested->answer = au_clone3(nested->args, sizeof(*nested->args), run, nested->child);
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
static long clone_by_helper(struct clone_args *args, struct child *child, int *child_pidfd)
{
	static struct nested nested;
	int pidfd = -1;
	struct clone_args helper = {
		.flags = CLONE_VM | CLONE_FILES | CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		.pidfd = (au_u64)&pidfd,
		.parent_tid = (au_u64)&child->report->helper,
		.child_tid = (au_u64)&nested.running,
		.stack = (au_u64)helper_stack,
		.stack_size = HELPER_STACK_BYTES,
	};
	long pid;

	nested = (struct nested){ args, child, 1, -ECHILD };
	args->flags &= ~(au_u64)CLONE_PARENT_SETTID;	// that number would be one of the namespace that is joined
	pid = au_clone3(&helper, sizeof(helper), run_helper, &nested);
	if (pid < 0)
		return pid;
	if (is_running(&nested, pidfd)) {
		SYS4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
		if (is_running(&nested, pidfd))
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
static int wants_spare(const struct au_launch_plan *plan)
{
	return (plan->namespaces & CLONE_NEWNET) && !plan->root && !(plan->join & CLONE_NEWNET);
}

// Answers with the namespaces that are there already.
static au_u64 use_spare(struct child *child)
{
	au_u64 there = 0;

	if (!wants_spare(child->plan))
		return 0;
	child->spare = take_spare();
	if (!(child->plan->namespaces & CLONE_NEWIPC))
		child->spare.ipc = -1;
	if (child->spare.network >= 0)
		there |= CLONE_NEWNET;
	if (child->spare.ipc >= 0)
		there |= CLONE_NEWIPC;
	return there;
}

// Waits until the namespaces of what was made by a plan are as they are to be. Answers 0, or -ESRCH where that has failed
// over them or is gone, or -EAGAIN where the daemon has to name the process: it takes long, or another came in between.
static long await_previous(au_u32 number)
{
	struct pollfd process = { .fd = PREVIOUS, .events = POLLIN };
	struct __kernel_timespec slice = { 0, READY_SLICE_MS * 1000000L }, now = {0};

	if (!previous)
		return -ESRCH;
	if (previous_number != number)
		return -EAGAIN;
	for (int i = 0; i < READY_LOOKS + READY_SLICES; i++) {
		au_s32 step = __atomic_load_n(&previous->step, __ATOMIC_ACQUIRE);

		if (step != AU_STEP_UNFINISHED)
			return step == AU_STEP_NONE ? 0 : -ESRCH;
		if (i < READY_LOOKS)
			SYS0(__NR_sched_yield);
		else if (SYS5(__NR_ppoll, &process, 1, &now, 0, 0))
			return -ESRCH;
		else
			SYS4(__NR_futex, &previous->step, FUTEX_WAIT, AU_STEP_UNFINISHED, &slice);
	}
	return -EAGAIN;
}

// Has what is made next be born in the pid namespace that is to be joined. Answers 0, or -errno.
static long join_pid_namespace(const struct au_launch_plan *plan)
{
	long answer;

	if (plan->join_plan) {
		answer = await_previous(plan->join_plan);
		if (answer < 0)
			return answer;
	}
	if (!(plan->join & CLONE_NEWPID))
		return 0;
	answer = SYS2(__NR_setns, plan->join_pidfd, CLONE_NEWPID);
	// Until it has exec'd it has the launcher's memory, which nobody may look into without CAP_SYS_PTRACE.
	return answer == -EPERM && plan->join_plan ? -EAGAIN : answer;
}

// Makes the child, in the pid namespace that is to be joined: that is a property of the launcher's thread, which has its
// own again when this returns. If the kernel refuses, the child's fate is sealed, and so is the launcher's.
static int launch(struct birth *birth, struct au_launch_answer *answer)
{
	struct child *child = &birth->child;
	const struct au_launch_plan *plan = child->plan;
	int joins = (plan->join & CLONE_NEWPID) != 0, pidfd = -1;
	struct clone_args args = {
		// What is new is made at once, unless it is to be made inside of what is joined first.
		.flags = CLONE_VM | CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID |
			 (plan->join ? plan->namespaces & CLONE_NEWPID : plan->namespaces),
		.pidfd = (au_u64)&pidfd,
		.parent_tid = (au_u64)&child->report->pid,
		.stack = (au_u64)birth->stack,
		.stack_size = CHILD_STACK_BYTES,
	};
	long pid, restored = 0, joined = join_pid_namespace(plan);

	if (joined < 0) {
		fail(answer, AU_STEP_JOIN_PID, joined);
		return -1;
	}
	args.flags &= ~use_spare(child);
	if (plan->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (au_u64)plan->cgroup;
	}
	if (joins && (plan->namespaces & CLONE_NEWPID))
		pid = clone_by_helper(&args, child, &pidfd);
	else
		pid = au_clone3(&args, sizeof(args), run, child);
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

// What is launched next may be born in these namespaces.
static void keep(struct au_launch_report *report, au_u32 number, int pidfd)
{
	previous = SYS3(__NR_dup3, pidfd, PREVIOUS, O_CLOEXEC) < 0 ? 0 : report;
	previous_number = number;
}

static void serve(struct au_launch_report *reports)
{
	struct birth *birth = &births[next++ % AU_REPORTS];
	struct au_launch_plan *plan = receive_plan();
	struct au_launch_report *report = &reports[plan->number % AU_REPORTS];
	struct au_launch_answer answer = { .pid = -1, .step = AU_STEP_NONE };
	int pidfd;

	birth->child = (struct child){ .plan = plan, .report = report, .spare = { -1, -1 } };
	*report = (struct au_launch_report){ .step = AU_STEP_UNFINISHED };
	pidfd = launch(birth, &answer);
	if (plan->flags & AU_ENDS_WITH_DAEMON && pidfd >= 0)
		SYS3(__NR_dup3, pidfd, DEPENDENTS + plan->number % AU_REPORTS, O_CLOEXEC);
	if (!send_to(SOCKET, &answer, sizeof(answer), &pidfd, pidfd >= 0) || answer.step == AU_STEP_RESTORE)
		end(1);
	if (plan->namespaces)
		keep(report, plan->number, pidfd);
	SYS3(__NR_close_range, FIRST_RECEIVED, ~0u, 0);
	// Somebody waits for that process to run, and hardly for what comes next: in most cases that is made ahead.
	if (plan->join_pidfd >= 0 && !plan->namespaces)
		SYS0(__NR_sched_yield);
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
	long reports;

	reset_signals();
	SYS2(__NR_prctl, PR_SET_NAME, name);
	// A child without capabilities is in this memory: no other process of its user may look or write into it.
	SYS2(__NR_prctl, PR_SET_DUMPABLE, 0);
	SYS0(__NR_setsid);
	reports = SYS6(__NR_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED, 0);
	if (reports < 0)
		end(1);
	open_spares();
	// Nothing else may have these numbers.
	SYS3(__NR_dup3, 0, PREVIOUS, O_CLOEXEC);
	SYS3(__NR_dup3, 0, MAKER, O_CLOEXEC);
	for (int i = 0; i < AU_REPORTS; i++)
		SYS3(__NR_dup3, 0, DEPENDENTS + i, O_CLOEXEC);
	for (;;) {
		wait_for_plan();
		serve((struct au_launch_report *)reports);
	}
}

START(launcher_main);
