// The daemon's side of the launcher (launcher.c): starts it, hands it plans, and learns how each came out.
//
// A launch begins and ends in two calls, between which the caller may do something else; one more may begin in between, and
// ends after it. The end is seen by a pipe, whose other end the process to be holds until it execs or is gone. The wait has
// a bound: a process that is born into a frozen control group, or that another process of the same user stops, would hold
// the daemon for ever.
//
// clone3(2), pipe(7), unix(7), ppoll(2), pidfd_send_signal(2).

#include "launch_socket.h"

#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "system_calls.h"

enum {
	STACK_BYTES = 16 * 1024,
	PAGE_BYTES = 4096,
	SIGSET_BYTES = 8,
	AU_KILLED = 2,			// CLD_KILLED of signal.h
	REAP_TRIES = 1000,		// a second
	LOOKS = 200,			// a quarter of a millisecond
	SLICE_MS = 10,			// far longer than any launch that nobody disturbs
	FIRST_PIECE_BYTES = 8 * 1024,
	HANDED_OVER = 6,		// descriptors
};

// ------------------------------------------------------------------------------------------------------------- start

struct start {
	int program, nothing, socket, shared, wake;
	long error;
};

static long check_start(struct start *start, long answer)
{
	start->error = answer;
	while (answer < 0)
		SYS1(__NR_exit, 127);
	return answer;
}

// Runs in the daemon's memory, on a stack of its own, while the calling thread waits (CLONE_VFORK): both are in the
// daemon's own control group, and all that happens until the exec is this.
__attribute__((noreturn, used)) static void become_launcher(struct start *start)
{
	// In the order that launcher.c expects.
	const int wanted[] = { start->nothing, start->nothing, start->nothing, start->socket, start->shared, start->wake };
	static const char *const argv[] = { "aurae-launch", 0 };
	static const char *const envp[] = { 0 };
	int moved[HANDED_OVER], program;

	program = (int)check_start(start, SYS3(__NR_fcntl, start->program, F_DUPFD_CLOEXEC, HANDED_OVER));
	for (int i = 0; i < HANDED_OVER; i++)
		moved[i] = (int)check_start(start, SYS3(__NR_fcntl, wanted[i], F_DUPFD_CLOEXEC, HANDED_OVER));
	for (int i = 0; i < HANDED_OVER; i++)
		check_start(start, SYS3(__NR_dup3, moved[i], i, 0));
	SYS3(__NR_close_range, HANDED_OVER, ~0u, CLOSE_RANGE_CLOEXEC);
	check_start(start, SYS5(__NR_execveat, program, "", argv, envp, AT_EMPTY_PATH));
	for (;;)
		;
}

// clone3 returns twice: the child goes on on its own stack. rdi = clone_args, rsi = their size, rdx = its argument.
__asm__(".text\n"
	".local au_clone_launcher\n"
	".type au_clone_launcher,@function\n"
	"au_clone_launcher:\n"
	"	push %r12\n"
	"	mov %rdx, %r12\n"
	"	mov $435, %eax\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	pop %r12\n"
	"	ret\n"
	"1:	xor %ebp, %ebp\n"
	"	mov %r12, %rdi\n"
	"	call become_launcher\n"
	"	hlt\n"
	".size au_clone_launcher,.-au_clone_launcher\n");

extern long au_clone_launcher(struct clone_args *args, unsigned long size, struct start *start)
	__attribute__((visibility("hidden")));

static long clone_launcher(struct start *start, struct au_launcher *launcher)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .pidfd = (au_u64)&launcher->pidfd, .exit_signal = SIGCHLD };
	au_u64 all = ~0ull, before = 0;
	long pid, stack = SYS6(__NR_mmap, 0, STACK_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack < 0)
		return stack;
	args.stack = (au_u64)stack;
	args.stack_size = STACK_BYTES;
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_BYTES);
	pid = au_clone_launcher(&args, sizeof(args), start);
	SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &before, 0, SIGSET_BYTES);
	SYS2(__NR_munmap, stack, STACK_BYTES);
	if (pid >= 0 && start->error < 0) {
		SYS5(__NR_waitid, P_PIDFD, launcher->pidfd, 0, WEXITED, 0);
		SYS1(__NR_close, launcher->pidfd);
		return start->error;
	}
	return pid;
}

static long start_with(struct start *start, struct au_launcher *launcher)
{
	struct __kernel_old_timeval bound = { AU_LAUNCH_TIMEOUT_S, 0 };
	int ends[2];
	long answer = SYS2(__NR_ftruncate, start->shared, PAGE_BYTES), reports;

	if (answer < 0)
		return answer;
	reports = SYS6(__NR_mmap, 0, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, start->shared, 0);
	if (reports < 0)
		return reports;
	answer = SYS4(__NR_socketpair, AU_FAMILY_UNIX, AU_STREAM | AU_SOCK_CLOEXEC, 0, ends);
	if (answer >= 0) {
		start->socket = ends[1];
		answer = clone_launcher(start, launcher);
		SYS1(__NR_close, ends[1]);
		// Nobody waits for ever for what a launcher that was stopped does not do.
		SYS5(__NR_setsockopt, ends[0], SOL_SOCKET, SO_RCVTIMEO_OLD, &bound, sizeof(bound));
		SYS5(__NR_setsockopt, ends[0], SOL_SOCKET, SO_SNDTIMEO_OLD, &bound, sizeof(bound));
		if (answer < 0)
			SYS1(__NR_close, ends[0]);
	}
	if (answer < 0) {
		SYS2(__NR_munmap, reports, PAGE_BYTES);
		return answer;
	}
	launcher->pid = (au_s32)answer;
	launcher->socket = ends[0];
	launcher->reports = (au_u64)reports;
	return 0;
}

// Starts a launcher. `program` is its file, `nothing` is /dev/null. Answers with 0, or -errno.
long au_launcher_start(int program, int nothing, struct au_launcher *launcher)
{
	struct start start = { .program = program, .nothing = nothing };
	long answer;

	*launcher = (struct au_launcher){ .pidfd = -1, .socket = -1 };
	start.shared = (int)SYS2(__NR_memfd_create, "aurae-launch-report", MFD_CLOEXEC);
	if (start.shared < 0)
		return start.shared;
	start.wake = launcher->wake = (au_s32)SYS2(__NR_eventfd2, 0, O_CLOEXEC);
	answer = start.wake;
	if (answer >= 0) {
		answer = start_with(&start, launcher);
		if (answer < 0)
			SYS1(__NR_close, start.wake);
	}
	SYS1(__NR_close, start.shared);
	return answer;
}

// Ends a launcher, whatever it does, and gives back what it took.
void au_launcher_end(struct au_launcher *launcher)
{
	// First: by the end of the socket it would take it that the daemon is gone, and end what ends with that.
	SYS4(__NR_pidfd_send_signal, launcher->pidfd, SIGKILL, 0, 0);
	SYS5(__NR_waitid, P_PIDFD, launcher->pidfd, 0, WEXITED, 0);
	SYS1(__NR_close, launcher->socket);
	SYS1(__NR_close, launcher->wake);
	SYS1(__NR_close, launcher->pidfd);
	SYS2(__NR_munmap, launcher->reports, PAGE_BYTES);
}

// ------------------------------------------------------------------------------------------------------------- begin

static void fail(struct au_launch *launch, int step, long negative_errno)
{
	launch->step = step;
	launch->error = (au_s32)-negative_errno;
}

static void close_all(struct au_launch *launch)
{
	if (launch->status >= 0)
		SYS1(__NR_close, launch->status);
	if (launch->reserve >= 0)
		SYS1(__NR_close, launch->reserve);
	launch->status = launch->reserve = -1;
}

static long send_plan(struct au_launcher *launcher, struct au_launch_plan *plan, const au_s32 *fds, au_u32 count)
{
	au_u64 one = 1;
	struct { struct au_control head; au_s32 fds[AU_MAX_SENT]; } control;
	struct au_part part = { plan, plan->length };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head };

	control.head.length = sizeof(control.head) + count * sizeof(au_s32);
	control.head.level = SOL_SOCKET;
	control.head.type = AU_RIGHTS;
	message.control_length = (control.head.length + 7) & ~7ul;
	for (au_u32 i = 0; i < count; i++)
		control.fds[i] = fds[i];
	// The first piece brings all descriptors, and fits into the socket's buffer: the launcher is told of it only then.
	if (part.length > FIRST_PIECE_BYTES)
		part.length = FIRST_PIECE_BYTES;
	while (part.length > 0) {
		long sent = SYS3(__NR_sendmsg, launcher->socket, &message, AU_NO_SIGNAL);

		if (sent == -EINTR)
			continue;
		if (sent < 0)
			return sent;
		part.base = (char *)part.base + sent;
		part.length = (au_u64)plan + plan->length - (au_u64)part.base;
		if (message.control)
			SYS3(__NR_write, launcher->wake, &one, sizeof(one));
		message.control = 0;
		message.control_length = 0;
	}
	return 0;
}

static struct au_launch_report *report_of(struct au_launcher *launcher, const struct au_launch *launch)
{
	return &((struct au_launch_report *)launcher->reports)[launch->number % AU_REPORTS];
}

// Asks for a process. `fds` are the descriptors of the plan; the end of the pipe is added, so there is room for one more.
void au_launch_begin(struct au_launcher *launcher, struct au_launch_plan *plan, au_s32 *fds, au_u32 count,
		     struct au_launch *launch)
{
	au_s32 ends[2];
	long answer;

	*launch = (struct au_launch){ .status = -1, .reserve = -1, .pid = -1, .pidfd = -1, .step = AU_STEP_NONE,
				      .number = launcher->sent + 1 };
	*report_of(launcher, launch) = (struct au_launch_report){ .step = AU_STEP_ASK };
	plan->number = launch->number;
	if (count >= AU_MAX_SENT) {
		launch->number = 0;
		fail(launch, AU_STEP_ASK, -EMFILE);
		return;
	}
	answer = SYS2(__NR_pipe2, ends, O_CLOEXEC);
	if (answer >= 0) {
		answer = launch->reserve = (au_s32)SYS3(__NR_fcntl, ends[0], F_DUPFD_CLOEXEC, 0);
		if (answer >= 0) {
			fds[count] = ends[1];
			plan->status = (au_s32)count;
			answer = send_plan(launcher, plan, fds, count + 1);
		}
		SYS1(__NR_close, ends[1]);
		launch->status = ends[0];
	}
	if (answer >= 0) {
		launcher->sent++;
		return;
	}
	launch->number = 0;
	close_all(launch);
	fail(launch, AU_STEP_ASK, answer);
	// A plan that was sent in part leaves nobody to talk to; one with a bad descriptor was not sent.
	if (answer != -EBADF && answer != -EMFILE)
		launcher->error = (au_s32)-answer;
}

// --------------------------------------------------------------------------------------------------------------- end

// Takes the launcher's answer, once. Answers 0, or -errno; -EAGAIN when there is none yet.
static long take_answer(struct au_launcher *launcher, struct au_launch *launch, int *has_answer, int flags)
{
	struct { struct au_control head; au_s32 fd, padding; } control = {0};
	struct au_launch_answer answer;
	struct au_part part = { &answer, sizeof(answer) };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };
	long count;

	if (*has_answer)
		return 0;
	// The pidfd takes its place, so that there is one.
	SYS1(__NR_close, launch->reserve);
	do
		count = SYS3(__NR_recvmsg, launcher->socket, &message, AU_CLOEXEC | flags);
	while (count == -EINTR);
	launch->reserve = -1;
	if (count == -EAGAIN && (flags & AU_DO_NOT_WAIT)) {
		launch->reserve = (au_s32)SYS3(__NR_fcntl, launch->status, F_DUPFD_CLOEXEC, 0);
		return count;
	}
	*has_answer = 1;
	if (count != sizeof(answer)) {
		launcher->error = count < 0 ? (au_s32)-count : ECONNRESET;
		fail(launch, AU_STEP_ASK, -launcher->error);
		return -launcher->error;
	}
	launch->pid = answer.pid;
	if (message.control_length >= sizeof(control.head) + sizeof(au_s32) && control.head.type == AU_RIGHTS)
		launch->pidfd = control.fd;
	if (answer.step != AU_STEP_NONE)
		fail(launch, answer.step, -answer.error);
	else if (launch->pidfd < 0)
		fail(launch, AU_STEP_ASK, -EMFILE);
	if (answer.step == AU_STEP_RESTORE)
		launcher->error = answer.error;
	return 0;
}

static int is_closed(struct pollfd *pipe, long nanoseconds)
{
	struct __kernel_timespec timeout = { 0, nanoseconds };	// the kernel writes what is left of it
	au_u64 all = ~0ull;

	return SYS5(__NR_ppoll, pipe, 1, &timeout, &all, SIGSET_BYTES) > 0;
}

// Answers whether nobody holds the other end of the pipe any more, within the time. Most launches take less than it takes
// to have a processor sleep and wake up again, so it looks a few times before it sleeps, and gives way to others in
// between. Whoever has the process's user id can stop it, again and again: after each slice it is told to go on.
static int wait_for_exec(struct au_launcher *launcher, struct au_launch *launch, int *has_answer)
{
	struct pollfd status = { .fd = launch->status };	// the end of a pipe is told unasked

	for (int i = 0; i < LOOKS; i++) {
		if (is_closed(&status, 0))
			return 1;
		SYS0(__NR_sched_yield);
	}
	for (int left = AU_LAUNCH_TIMEOUT_S * 1000 / SLICE_MS; left > 0; left--) {
		if (is_closed(&status, SLICE_MS * 1000000L))
			return 1;
		if (take_answer(launcher, launch, has_answer, AU_DO_NOT_WAIT) == 0 && launch->pidfd >= 0)
			SYS4(__NR_pidfd_send_signal, launch->pidfd, SIGCONT, 0, 0);
	}
	return 0;
}

// Reaps a child of the daemon that is ending, by its pidfd, or by its id, which is its own until then. Gives up on one that
// the kernel holds.
static void reap(int type, au_s32 id)
{
	for (int i = 0; i < REAP_TRIES; i++) {
		struct __kernel_timespec pause = { 0, 1000000L };
		siginfo_t ended = { .si_pid = 0 };

		if (SYS5(__NR_waitid, type, id, &ended, WEXITED | WNOHANG, 0) < 0 || ended.si_pid)
			return;
		SYS5(__NR_ppoll, 0, 0, &pause, 0, 0);
	}
}

// Ends what is there of a launch that has failed. What not even SIGKILL ends, since the kernel holds it, is left behind.
static void end_failed(struct au_launch *launch, const struct au_launch_report *report)
{
	if (launch->pidfd >= 0) {
		SYS4(__NR_pidfd_send_signal, launch->pidfd, SIGKILL, 0, 0);
		reap(P_PIDFD, launch->pidfd);
		SYS1(__NR_close, launch->pidfd);
		launch->pidfd = -1;
	} else if (report->pid > 0) {
		SYS2(__NR_kill, report->pid, SIGKILL);
		reap(P_PID, report->pid);
	}
}

// Ends a launcher that nobody can talk to any more, so that it does not do later what it was asked for.
static void stop_launcher(struct au_launcher *launcher)
{
	SYS4(__NR_pidfd_send_signal, launcher->pidfd, SIGKILL, 0, 0);
	SYS5(__NR_waitid, P_PIDFD, launcher->pidfd, 0, WEXITED, 0);
}

static void take_report(struct au_launcher *launcher, struct au_launch *launch, const struct au_launch_report *report)
{
	siginfo_t ended = { .si_pid = 0 };

	launch->namespace_pid = report->namespace_pid;
	launch->step = report->step;
	launch->error = report->step == AU_STEP_UNFINISHED ? ECHILD : report->error;
	launch->detail = report->detail;
	// Who ends this early may have been killed for want of memory, and the launcher, whose memory it shared, with it.
	SYS5(__NR_waitid, P_PIDFD, launch->pidfd, &ended, WEXITED | WNOHANG | WNOWAIT, 0);
	if (launch->step == AU_STEP_UNFINISHED || (ended.si_pid && ended.si_code == AU_KILLED))
		launcher->error = ECHILD;
}

// Waits for what was begun: the process runs, or the step is told that failed, and nothing is left.
void au_launch_end(struct au_launcher *launcher, struct au_launch *launch)
{
	const struct au_launch_report *report = report_of(launcher, launch);
	int has_answer = 0;

	if (launch->status < 0)
		return;
	if (wait_for_exec(launcher, launch, &has_answer))
		take_answer(launcher, launch, &has_answer, 0);
	else
		fail(launch, has_answer ? AU_STEP_WAIT : AU_STEP_ASK, -ETIMEDOUT);
	if (!has_answer)
		launcher->error = ETIMEDOUT;
	if (launcher->error)
		stop_launcher(launcher);
	if (!has_answer)
		take_answer(launcher, launch, &has_answer, AU_DO_NOT_WAIT);
	close_all(launch);
	launch->was_served = report->step != AU_STEP_ASK;
	if (launch->step == AU_STEP_NONE)
		take_report(launcher, launch, report);
	if (launch->step != AU_STEP_NONE)
		end_failed(launch, report);
	if (report->helper > 0) {
		if (launcher->error)
			SYS2(__NR_kill, report->helper, SIGKILL);
		reap(P_PID, report->helper);
	}
}
