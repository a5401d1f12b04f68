// What the process to be does between clone3 and exec, in the launcher's memory: it writes nothing there but its stack and
// the report, and calls nothing but the kernel. The first step that fails is told, and ends it.
//
// The order matters. What needs the daemon's rights comes first, and what takes rights away last: namespaces,
// descriptors, limits, then ids and capabilities (capabilities(7)), then the folder, which is entered with the rights
// that are left, then the filter of system calls (seccomp(2)).

#include "launch_child.h"
#include "launcher.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mount.h>
#include <linux/net.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

enum {
	SIGSET_BYTES = 8,
	FIRST_FREE_FD = 3,
	LAST_CAPABILITY = 63,
	// Of headers that want a C library: linux/if.h, sys/socket.h.
	SOCKET_DATAGRAM = 2,
	FAMILY_INET = 2,
	INTERFACE_UP = 1,
};

// The part of `struct ifreq` that SIOCSIFFLAGS uses.
struct interface_flags {
	char name[16];
	short flags;
	char rest[22];
};

void leave(struct child *child, int step, long negative_errno, long detail)
{
	child->report->detail = (au_s32)detail;
	child->report->error = (au_s32)-negative_errno;
	child->report->step = step;
	for (;;)
		SYS1(__NR_exit, 127);
}

static void check(struct child *child, int step, long answer)
{
	check_at(child, step, 0, answer);
}

// All are as a new process has them, and blocked, in the launcher.
static void unblock_signals(struct child *child)
{
	au_u64 none = 0;

	if (!(child->plan->flags & AU_BLOCK_SIGNALS))
		check(child, AU_STEP_SIGNALS, SYS4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, SIGSET_BYTES));
}

// It is the daemon's child, unless that has ended already, and the launcher knows or is about to: then nobody has the other
// end of its socket.
static void end_with_parent(struct child *child)
{
	if (!(child->plan->flags & AU_ENDS_WITH_DAEMON))
		return;
	check(child, AU_STEP_PARENT, SYS5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	if (is_daemon_gone())
		leave(child, AU_STEP_PARENT, -ESRCH, 0);
}

// ------------------------------------------------------------------------------------------------------ namespaces

// All at once; the kernel does not say which one it refused, so that is found out one by one.
static void join_namespaces(struct child *child)
{
	static const struct { au_u64 bit; int step; } kinds[] = {
		{ CLONE_NEWIPC, AU_STEP_JOIN_IPC },
		{ CLONE_NEWUTS, AU_STEP_JOIN_UTS },
		{ CLONE_NEWNET, AU_STEP_JOIN_NET },
		{ CLONE_NEWNS, AU_STEP_JOIN_MOUNT },
	};
	au_u64 bits = child->plan->join & ~(au_u64)CLONE_NEWPID;
	long pidfd = child->plan->join_pidfd;

	if (!bits || SYS2(__NR_setns, pidfd, bits) >= 0)
		return;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (bits & kinds[i].bit)
			check(child, kinds[i].step, SYS2(__NR_setns, pidfd, kinds[i].bit));
}

// Mounts that the host makes later still come here, and none that is made here gets there.
static void set_up_mounts(struct child *child)
{
	check(child, AU_STEP_PROPAGATION, SYS5(__NR_mount, 0, "/", 0, MS_REC | MS_SLAVE, 0));
	check(child, AU_STEP_PROC,
	      SYS5(__NR_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
}

long set_up_loopback(void)
{
	struct interface_flags request = { .name = "lo", .flags = INTERFACE_UP };
	long fd = SYS3(__NR_socket, FAMILY_INET, SOCKET_DATAGRAM | O_CLOEXEC, 0), answer;

	if (fd < 0)
		return fd;
	answer = SYS3(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
	SYS1(__NR_close, fd);
	return answer;
}

// What was not made with the process: in what was joined, and where there were spare ones.
static void add_namespaces(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	au_u64 missing = plan->join ? plan->namespaces & ~(au_u64)CLONE_NEWPID : 0;

	if (child->spare.network >= 0) {
		check(child, AU_STEP_UNSHARE, SYS2(__NR_setns, child->spare.network, CLONE_NEWNET));
		missing &= ~(au_u64)CLONE_NEWNET;
	}
	if (child->spare.ipc >= 0) {
		check(child, AU_STEP_UNSHARE, SYS2(__NR_setns, child->spare.ipc, CLONE_NEWIPC));
		missing &= ~(au_u64)CLONE_NEWIPC;
	}
	if (missing)
		check(child, AU_STEP_UNSHARE, SYS1(__NR_unshare, missing));
}

static void set_up_namespaces(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	long answer;

	if (plan->flags & AU_CGROUP_NAMESPACE) {
		answer = SYS1(__NR_unshare, CLONE_NEWCGROUP);
		if (answer != -EINVAL)	// a kernel without them
			check(child, AU_STEP_CGROUP, answer);
	}
	join_namespaces(child);
	add_namespaces(child);
	if (plan->root)
		enter_root(child, (const struct au_root *)plan->root);
	else if (plan->namespaces & CLONE_NEWNS)
		set_up_mounts(child);
	if (plan->namespaces & CLONE_NEWUTS || (plan->join & CLONE_NEWUTS && plan->hostname_length))
		check(child, AU_STEP_HOSTNAME, SYS2(__NR_sethostname, plan->hostname, plan->hostname_length));
	if ((plan->namespaces & CLONE_NEWNET) && !plan->root && child->spare.network < 0)
		check(child, AU_STEP_LOOPBACK, set_up_loopback());
}

// ----------------------------------------------------------------------------------------------------- descriptors

// The sources may themselves have numbers that others are to get, so all are moved above those before any is put in
// place. Answers with the program's descriptor, which is among the moved.
static long set_descriptors(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	const struct au_descriptor *further = (const struct au_descriptor *)plan->descriptors;
	long moved[3 + AU_MAX_DESCRIPTORS], free = FIRST_FREE_FD, program = -1;
	au_u32 count = plan->descriptor_count < AU_MAX_DESCRIPTORS ? plan->descriptor_count : AU_MAX_DESCRIPTORS;

	for (au_u32 i = 0; i < count; i++)
		if (further[i].to >= free)
			free = further[i].to + 1;
	for (int i = 0; i < 3; i++) {
		moved[i] = SYS3(__NR_fcntl, plan->stdio[i], F_DUPFD_CLOEXEC, free);
		check(child, AU_STEP_STDIO, moved[i]);
	}
	for (au_u32 i = 0; i < count; i++) {
		moved[3 + i] = SYS3(__NR_fcntl, further[i].from, F_DUPFD_CLOEXEC, free);
		check_at(child, AU_STEP_DESCRIPTOR, further[i].to, moved[3 + i]);
	}
	if (plan->program >= 0) {
		program = SYS3(__NR_fcntl, plan->program, F_DUPFD_CLOEXEC, free);
		check(child, AU_STEP_EXEC, program);
	}
	check(child, AU_STEP_CLOSE, SYS3(__NR_fcntl, plan->status, F_DUPFD_CLOEXEC, free));
	check(child, AU_STEP_CLOSE, SYS3(__NR_close_range, FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC));
	for (int i = 0; i < 3; i++)
		check(child, AU_STEP_STDIO, SYS3(__NR_dup3, moved[i], i, 0));
	for (au_u32 i = 0; i < count; i++)
		check_at(child, AU_STEP_DESCRIPTOR, further[i].to, SYS3(__NR_dup3, moved[3 + i], further[i].to, 0));
	if (plan->flags & AU_TERMINAL)
		check(child, AU_STEP_TERMINAL, SYS3(__NR_ioctl, 0, TIOCSCTTY, 0));
	return program;
}

static void set_limits(struct child *child)
{
	const struct au_rlimit *limits = (const struct au_rlimit *)child->plan->rlimits;

	for (au_u32 i = 0; i < child->plan->rlimit_count; i++)
		check_at(child, AU_STEP_RLIMIT, (long)limits[i].resource,
			 SYS4(__NR_prlimit64, 0, limits[i].resource, &limits[i].soft, 0));
}

// ---------------------------------------------------------------------------------------------------------- rights

static void set_filter(struct child *child)
{
	struct sock_fprog program = {
		.len = (unsigned short)child->plan->filter_count,
		.filter = (struct sock_filter *)child->plan->filter,
	};

	if (program.len > 0)
		check(child, AU_STEP_SECCOMP, SYS3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static int has_capability(const struct au_launch_plan *plan, int capability)
{
	return plan->capabilities >> capability & 1;
}

static void set_bounding_set(struct child *child)
{
	for (int i = 0; i <= LAST_CAPABILITY; i++) {
		long answer;

		if (has_capability(child->plan, i))
			continue;
		answer = SYS5(__NR_prctl, PR_CAPBSET_DROP, i, 0, 0, 0);
		if (answer == -EINVAL)	// beyond the last one that the kernel has
			return;
		check_at(child, AU_STEP_BOUNDING, i, answer);
	}
}

// The ambient set is what an exec by another user than root keeps (capabilities(7), "Transformation of capabilities").
static void set_capabilities(struct child *child)
{
	au_u64 set = child->plan->capabilities;
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		au_u32 word = (au_u32)(set >> (32 * i));

		data[i] = (struct __user_cap_data_struct){ word, word, word };
	}
	check(child, AU_STEP_CAPABILITIES, SYS2(__NR_capset, &header, data));
	for (int i = 0; i <= LAST_CAPABILITY; i++)
		if (has_capability(child->plan, i))
			check_at(child, AU_STEP_AMBIENT, i,
				 SYS5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0));
}

// Groups before the user: the right to set them goes with user id 0. Raw calls change this one thread's ids only,
// which is what is wanted: the child is one thread.
static void set_rights(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	int sets_capabilities = (plan->flags & AU_SET_CAPABILITIES) != 0;

	// Without no_new_privs a filter takes CAP_SYS_ADMIN, which is about to go; it has to let the rest through.
	if (!(plan->flags & AU_NO_NEW_PRIVS))
		set_filter(child);
	if (sets_capabilities)
		set_bounding_set(child);
	if (plan->flags & AU_SET_GROUPS)
		check(child, AU_STEP_GROUPS, SYS2(__NR_setgroups, plan->group_count, plan->groups));
	if (plan->flags & AU_SET_GID)
		check(child, AU_STEP_GID, SYS3(__NR_setresgid, plan->gid, plan->gid, plan->gid));
	if (sets_capabilities && (plan->flags & AU_SET_UID))
		check(child, AU_STEP_KEEP_CAPS, SYS5(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0));
	if (plan->flags & AU_SET_UID)
		check(child, AU_STEP_UID, SYS3(__NR_setresuid, plan->uid, plan->uid, plan->uid));
	if (sets_capabilities)
		set_capabilities(child);
	if (plan->flags & AU_NO_NEW_PRIVS)
		check(child, AU_STEP_PRIVS, SYS5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

// ------------------------------------------------------------------------------------------------------------ exec

__attribute__((noreturn)) static void exec(struct child *child, long program)
{
	const struct au_launch_plan *plan = child->plan;
	const char *const *path = (const char *const *)plan->paths;
	long answer = -ENOENT;

	__atomic_store_n(&child->report->step, AU_STEP_NONE, __ATOMIC_RELEASE);
	// Whoever is to be born in its namespaces can be, from here on.
	if (plan->namespaces)
		SYS3(__NR_futex, &child->report->step, FUTEX_WAKE, 1);
	if (program >= 0)
		leave(child, AU_STEP_EXEC, SYS5(__NR_execveat, program, "", plan->argv, plan->envp, AT_EMPTY_PATH), 0);
	for (; *path; path++) {
		long failure = SYS3(__NR_execve, *path, plan->argv, plan->envp);
		// As execvp(3): a file that is there but can't be run says more than one that is not there.
		if (failure != -ENOENT && failure != -ENOTDIR)
			answer = failure;
		if (failure != -ENOENT && failure != -ENOTDIR && failure != -EACCES)
			break;
	}
	leave(child, AU_STEP_EXEC, answer, 0);
}

void run_child(struct child *child)
{
	const struct au_launch_plan *plan = child->plan;
	long program;

	child->report->namespace_pid = (au_s32)SYS0(__NR_getpid);
	unblock_signals(child);
	end_with_parent(child);
	check(child, AU_STEP_SESSION, SYS0(__NR_setsid));
	set_up_namespaces(child);
	program = set_descriptors(child);
	set_limits(child);
	set_rights(child);
	check(child, AU_STEP_CHDIR, SYS1(__NR_chdir, plan->cwd));
	if (plan->flags & AU_NO_NEW_PRIVS)
		set_filter(child);
	exec(child, program);
}
