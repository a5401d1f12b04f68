// Starts a process from inside the daemon. The daemon has many threads, so code after fork() is out of the question
// in JavaScript; here the child is made by clone3(CLONE_VM), runs launch_child.c on a stack of its own and execs,
// while the calling thread waits. Until it execs the child shares the daemon's memory: it writes nothing but its own
// stack and the result, and calls nothing but the kernel. No libc.
//
// The wait is a futex that the kernel clears when the child lets go of the memory (CLONE_CHILD_CLEARTID), and has a
// bound. CLONE_VFORK has none: a child that is born into a frozen control group, or that a process of the same user
// stops, would hold the daemon for ever.
//
// clone3(2), setns(2), futex(2), pidfd_send_signal(2), PR_SET_DUMPABLE(2const).

#include "launch_child.h"

#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>

enum {
	STACK_BYTES = 64 * 1024,
	MEMORY_BYTES = 2 * STACK_BYTES,	// of the child, and of its helper
	SHARED_BYTES = 64,
	SIGSET_BYTES = 8,
	RESTORE_TRIES = 1000,
	SLICE_MS = 10,			// far longer than any launch that nobody disturbs
};

// At the lower end of the stacks' mapping, which stays mapped for as long as the kernel may write here.
struct shared {
	au_u32 running;		// cleared by the kernel when the child has exec'd or ended
	au_u32 helper_running;	// the same for the helper
};

// clone3 returns twice. The child's return must not touch the parent's stack, so the call and the jump into the
// child's code are one piece of assembly: rdi = clone_args, rsi = their size, rdx = function, rcx = its argument.
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
	"	mov $127, %edi\n"
	"	mov $60, %eax\n"
	"	syscall\n"
	"	hlt\n"
	".size au_clone3,.-au_clone3\n");

extern long au_clone3(struct clone_args *args, unsigned long size, void (*run)(struct child *), struct child *child)
	__attribute__((visibility("hidden")));

static void fail(struct au_launch_result *result, int step, long negative_errno)
{
	result->step = step;
	result->error = (au_s32)-negative_errno;
}

// Answers whether the process has let go of the daemon's memory within the time. Whoever has its user id can stop it,
// again and again: after each slice it is told to go on.
static int wait_for(au_u32 *running, int pidfd)
{
	struct __kernel_timespec slice = { 0, SLICE_MS * 1000000L };
	int slices = AU_LAUNCH_TIMEOUT_S * 1000 / SLICE_MS;

	while (__atomic_load_n(running, __ATOMIC_ACQUIRE)) {
		// Not FUTEX_PRIVATE_FLAG: the kernel wakes without it.
		if (SYS4(__NR_futex, running, FUTEX_WAIT, 1, &slice) != -ETIMEDOUT)
			continue;
		if (--slices == 0)
			return 0;
		SYS4(__NR_pidfd_send_signal, pidfd, SIGCONT, 0, 0);
	}
	return 1;
}

static void kill_by(int pidfd)
{
	SYS4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
}

// Waits as long as a launch may take, and if that is not enough, as long again for the end by SIGKILL.
static int wait_or_kill(au_u32 *running, int pidfd, struct au_launch_result *result)
{
	if (wait_for(running, pidfd))
		return 1;
	fail(result, AU_STEP_WAIT, -ETIMEDOUT);
	kill_by(pidfd);
	return wait_for(running, pidfd);
}

static void reap_by(int pidfd, int has_ended)
{
	SYS5(__NR_waitid, P_PIDFD, pidfd, 0, WEXITED | (has_ended ? 0 : WNOHANG), 0);
	SYS1(__NR_close, pidfd);
}

static void run_helper(struct child *child)
{
	long pid = au_clone3(child->nested, sizeof(*child->nested), run_child, child);

	if (pid < 0) {
		fail(child->result, AU_STEP_CLONE, pid);
		child->result->pidfd = -1;	// the kernel may have written a number that came to nothing
	}
	for (;;)
		SYS1(__NR_exit, 0);
}

// A process id namespace inside of another can only be made by a process that is in there, and that is not the daemon.
// So a helper is born there, which makes the child as its own sibling and ends. It shares the daemon's descriptors, for
// the child's pidfd.
static long clone_by_helper(struct clone_args *args, struct child *child, struct shared *shared)
{
	struct clone_args helper = {0};
	int pidfd = -1, has_ended;
	long pid;

	args->flags |= CLONE_PARENT;
	args->exit_signal = 0;		// it has the helper's
	child->nested = args;
	shared->helper_running = 1;
	helper.flags = CLONE_VM | CLONE_FILES | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_CHILD_CLEARTID;
	helper.pidfd = (au_u64)&pidfd;
	helper.child_tid = (au_u64)&shared->helper_running;
	helper.exit_signal = SIGCHLD;
	helper.stack = (au_u64)shared + STACK_BYTES;
	helper.stack_size = STACK_BYTES;
	pid = au_clone3(&helper, sizeof(helper), run_helper, child);
	if (pid < 0)
		return pid;
	has_ended = wait_or_kill(&shared->helper_running, pidfd, child->result);
	reap_by(pidfd, has_ended);
	return has_ended ? 0 : -ETIMEDOUT;
}

// Makes the child, in the pid namespace that is to be joined. That is a property of the calling thread, which has its
// own again when this returns, unless the kernel refuses; then the child's fate is sealed, and so is the answer.
static void clone_child(struct clone_args *args, struct child *child, struct shared *shared)
{
	const struct au_launch_plan *plan = child->plan;
	struct au_launch_result *result = child->result;
	int joins = (plan->join & CLONE_NEWPID) != 0;
	long pid, answer = 0;

	if (joins)
		answer = SYS2(__NR_setns, plan->join_pidfd, CLONE_NEWPID);
	if (answer < 0) {
		fail(result, AU_STEP_JOIN_PID, answer);
		return;
	}
	if (joins && (plan->namespaces & CLONE_NEWPID))
		pid = clone_by_helper(args, child, shared);
	else
		pid = au_clone3(args, sizeof(*args), run_child, child);
	if (pid < 0)
		result->pidfd = -1;	// as above
	// It can fail for want of memory only, in a thread that is about to be killed for that.
	for (int i = 0; joins && i < RESTORE_TRIES; i++) {
		answer = SYS2(__NR_setns, plan->own_pid_namespace, CLONE_NEWPID);
		if (answer >= 0)
			break;
	}
	if (answer < 0)
		fail(result, AU_STEP_RESTORE, answer);
	else if (pid < 0 && result->step == AU_STEP_NONE)
		fail(result, AU_STEP_CLONE, pid);
	result->pid = (au_s32)pid;
}

static void launch_on(long memory, struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	struct au_launch_result *result = child->result;
	struct shared *shared = (struct shared *)memory;
	struct clone_args args = {0};
	au_u64 all = ~0ull, before = 0;
	int has_ended = 1;

	// What is new is made at once, unless it is to be made inside of what is joined first.
	args.flags = CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_CHILD_CLEARTID |
		     (plan->join ? plan->namespaces & CLONE_NEWPID : plan->namespaces);
	args.pidfd = (au_u64)&result->pidfd;
	args.child_tid = (au_u64)&shared->running;
	args.exit_signal = SIGCHLD;
	args.stack = (au_u64)shared + SHARED_BYTES;
	args.stack_size = STACK_BYTES - SHARED_BYTES;
	if (plan->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (au_u64)plan->cgroup;
	}
	shared->running = 1;
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_BYTES);
	clone_child(&args, child, shared);
	if (result->pidfd >= 0) {
		if (result->step == AU_STEP_RESTORE || result->step == AU_STEP_WAIT)
			kill_by(result->pidfd);
		has_ended = wait_or_kill(&shared->running, result->pidfd, result);
	} else if (result->step == AU_STEP_NONE) {
		fail(result, AU_STEP_CLONE, -ECHILD);	// somebody has killed the helper
	}
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &before, 0, SIGSET_BYTES);
	if (result->step != AU_STEP_NONE && result->pidfd >= 0)
		reap_by(result->pidfd, has_ended);
	// A process that not even SIGKILL ends, since the kernel holds it, keeps its stack.
	if (has_ended && shared->helper_running == 0)
		SYS2(__NR_munmap, memory, MEMORY_BYTES);
}

// Answers 0 when the process runs; otherwise -errno, and the result tells the step. The failed child is reaped here.
long au_launch(const struct au_launch_plan *plan, struct au_launch_result *result)
{
	struct child child = { plan, result, 0 };
	long memory, dumpable;

	*result = (struct au_launch_result){ .pid = -1, .pidfd = -1, .step = AU_STEP_NONE };
	memory = SYS6(__NR_mmap, 0, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (memory < 0) {
		fail(result, AU_STEP_STACK, memory);
		return memory;
	}
	// A child that changes its ids makes the memory undumpable, the daemon's: nobody may look into it meanwhile.
	dumpable = SYS1(__NR_prctl, PR_GET_DUMPABLE);
	launch_on(memory, &child);
	if (dumpable == 1)
		SYS2(__NR_prctl, PR_SET_DUMPABLE, 1);
	return -result->error;
}
