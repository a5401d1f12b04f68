// Starts a process from inside the daemon. The daemon has many threads, so code after fork() is out of the question
// in JavaScript; here the child is made by clone3(CLONE_VM | CLONE_VFORK), runs this file on a stack of its own and
// execs, while the calling thread waits. Until it execs the child shares the daemon's memory: it writes nothing but
// its own stack and the result, and calls nothing but the kernel. No libc.
//
// clone3(2), execve(2), close_range(2), setsid(2), prlimit(2); PR_SET_NO_NEW_PRIVS: prctl(2).

#include "launch_plan.h"

#include <asm/unistd.h>
#include <linux/sched.h>

enum {
	STACK_BYTES = 64 * 1024,
	SIGNAL_COUNT = 64,
	SIGSET_BYTES = 8,
	FIRST_FREE_FD = 3,
	E_NOENT = 2,
	E_ACCES = 13,
	E_NOTDIR = 20,
	SIGKILL_NUMBER = 9,
	SIGSTOP_NUMBER = 19,
	SIGCHLD_NUMBER = 17,
	F_DUPFD_CLOEXEC_NUMBER = 1030,
	PR_SET_NO_NEW_PRIVS_NUMBER = 38,
	CLOSE_RANGE_CLOEXEC_FLAG = 4,
	PROT_READ_WRITE = 3,
	MAP_PRIVATE_ANONYMOUS_STACK = 0x20022,
	SIG_SETMASK_NUMBER = 2,
};

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	au_u64 mask;
};

struct child {
	const struct au_launch_plan *plan;
	struct au_launch_result *result;
};

extern long au_syscall(long number, long a, long b, long c, long d, long e, long f);

#define SYS0(n) au_syscall(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) au_syscall(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) au_syscall(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) au_syscall(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS6(n, a, b, c, d, e, f) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

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

__attribute__((noreturn)) static void leave(struct child *child, int step, long negative_errno)
{
	child->result->step = step;
	child->result->error = (au_s32)-negative_errno;
	for (;;)
		SYS1(__NR_exit, 127);
}

static void check(struct child *child, int step, long answer)
{
	if (answer < 0)
		leave(child, step, answer);
}

// CLONE_CLEAR_SIGHAND keeps what was ignored, and the daemon's runtime ignores SIGPIPE: a shell would inherit that.
static void reset_signals(struct child *child)
{
	struct kernel_sigaction action = {0};
	au_u64 none = 0;

	for (int number = 1; number <= SIGNAL_COUNT; number++) {
		if (number == SIGKILL_NUMBER || number == SIGSTOP_NUMBER)
			continue;
		check(child, AU_STEP_SIGNALS, SYS4(__NR_rt_sigaction, number, &action, 0, SIGSET_BYTES));
	}
	check(child, AU_STEP_SIGNALS, SYS4(__NR_rt_sigprocmask, SIG_SETMASK_NUMBER, &none, 0, SIGSET_BYTES));
}

// The sources may themselves be 0, 1 or 2, so they are moved out of the way before any is put in place.
static void set_stdio(struct child *child)
{
	long moved[3];

	for (int i = 0; i < 3; i++) {
		moved[i] = SYS3(__NR_fcntl, child->plan->stdio[i], F_DUPFD_CLOEXEC_NUMBER, FIRST_FREE_FD);
		check(child, AU_STEP_STDIO, moved[i]);
	}
	for (int i = 0; i < 3; i++)
		check(child, AU_STEP_STDIO, SYS3(__NR_dup3, moved[i], i, 0));
	check(child, AU_STEP_CLOSE, SYS3(__NR_close_range, FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC_FLAG));
}

static void set_limits(struct child *child)
{
	const struct au_rlimit *limits = (const struct au_rlimit *)child->plan->rlimits;

	for (au_u32 i = 0; i < child->plan->rlimit_count; i++)
		check(child, AU_STEP_RLIMIT, SYS4(__NR_prlimit64, 0, limits[i].resource, &limits[i].soft, 0));
}

// Groups before the user: the right to set them goes with user id 0. Raw calls change this one thread's ids only,
// which is what is wanted: the child is one thread.
static void set_ids(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;

	if (plan->flags & (AU_SET_UID | AU_SET_GID))
		check(child, AU_STEP_GROUPS, SYS2(__NR_setgroups, 0, 0));
	if (plan->flags & AU_SET_GID)
		check(child, AU_STEP_GID, SYS3(__NR_setresgid, plan->gid, plan->gid, plan->gid));
	if (plan->flags & AU_SET_UID)
		check(child, AU_STEP_UID, SYS3(__NR_setresuid, plan->uid, plan->uid, plan->uid));
	if (plan->flags & AU_NO_NEW_PRIVS)
		check(child, AU_STEP_PRIVS, au_syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS_NUMBER, 1, 0, 0, 0, 0));
}

static void run_child(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	const char *const *path = (const char *const *)plan->paths;
	long answer = -E_NOENT;

	reset_signals(child);
	check(child, AU_STEP_SESSION, SYS0(__NR_setsid));
	set_stdio(child);
	set_limits(child);
	set_ids(child);
	check(child, AU_STEP_CHDIR, SYS1(__NR_chdir, plan->cwd));
	for (; *path; path++) {
		long failure = SYS3(__NR_execve, *path, plan->argv, plan->envp);
		// As execvp(3): a file that is there but can't be run says more than one that is not there.
		if (failure != -E_NOENT && failure != -E_NOTDIR)
			answer = failure;
		if (failure != -E_NOENT && failure != -E_NOTDIR && failure != -E_ACCES)
			break;
	}
	leave(child, AU_STEP_EXEC, answer);
}

// Answers 0 when the process runs; otherwise -errno, and the result tells the step. The failed child is reaped here.
long au_launch(const struct au_launch_plan *plan, struct au_launch_result *result)
{
	struct child child = {plan, result};
	struct clone_args args = {0};
	au_u64 all = ~0ull, before = 0;
	int pidfd = -1;
	long stack, pid;

	result->pid = -1;
	result->pidfd = -1;
	result->step = AU_STEP_NONE;
	result->error = 0;
	stack = SYS6(__NR_mmap, 0, STACK_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_STACK, -1, 0);
	if (stack < 0) {
		result->step = AU_STEP_STACK;
		result->error = (au_s32)-stack;
		return stack;
	}
	args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | plan->namespaces;
	args.pidfd = (au_u64)&pidfd;
	args.exit_signal = SIGCHLD_NUMBER;
	args.stack = (au_u64)stack;
	args.stack_size = STACK_BYTES;
	if (plan->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (au_u64)plan->cgroup;
	}
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK_NUMBER, &all, &before, SIGSET_BYTES);
	pid = au_clone3(&args, sizeof(args), run_child, &child);
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK_NUMBER, &before, 0, SIGSET_BYTES);
	SYS2(__NR_munmap, stack, STACK_BYTES);
	if (pid < 0) {
		result->step = AU_STEP_CLONE;
		result->error = (au_s32)-pid;
		return pid;
	}
	if (result->step != AU_STEP_NONE) {
		SYS4(__NR_wait4, pid, 0, 0, 0);
		SYS1(__NR_close, pidfd);
		return -result->error;
	}
	result->pid = (au_s32)pid;
	result->pidfd = pidfd;
	return 0;
}
