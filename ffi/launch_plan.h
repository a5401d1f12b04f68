// What is to be launched, as the daemon sends it to the launcher: a plan with all that it points to behind it. The same
// layout stands in src/kernel/process/launch-plan.ts; a test compares the two. What would be a pointer is the distance
// from the beginning of the plan, and 0 for null; what would be a descriptor is the place in the list of those that come
// with it, and -1 for none.

#ifndef AU_LAUNCH_PLAN_H
#define AU_LAUNCH_PLAN_H

typedef unsigned int au_u32;
typedef int au_s32;
typedef unsigned long long au_u64;

enum {
	AU_MAX_DESCRIPTORS = 64,     // further ones: their sources are kept on the child's stack
	AU_MAX_ROOT_MOUNTS = 32,     // mounts of a root of its own: they are kept on the child's stack, too
	AU_MAX_SENT = 96,            // descriptors that come with a plan
	AU_MAX_RETURNED = 2,         // descriptors that the launcher sends with a message
	AU_REPORTS = 2,              // launches that are on their way at a time, at most
	AU_LAUNCH_TIMEOUT_S = 2,     // until exec; the daemon may stand still meanwhile
};

enum au_launch_flag {
	AU_SET_UID = 1,              // setresuid(uid)
	AU_SET_GID = 2,              // setresgid(gid)
	AU_SET_GROUPS = 4,           // setgroups(groups)
	AU_SET_CAPABILITIES = 8,     // all five sets are `capabilities`
	AU_NO_NEW_PRIVS = 16,        // prctl(PR_SET_NO_NEW_PRIVS)
	AU_TERMINAL = 32,            // descriptor 0 is a terminal, and becomes the session's own
	AU_CGROUP_NAMESPACE = 64,    // a cgroup namespace that begins at the group it is in
	AU_BLOCK_SIGNALS = 128,      // execs with every signal blocked; else with none
	AU_ENDS_WITH_DAEMON = 256,   // prctl(PR_SET_PDEATHSIG, SIGKILL)
};

// The step that failed. src/kernel/process/launch-steps.ts has their names for people.
enum au_launch_step {
	AU_STEP_NONE = 0,
	AU_STEP_ASK = 1,             // pipe2, sendmsg, recvmsg: the daemon's talk with the launcher
	AU_STEP_JOIN_PID = 2,        // setns of the launcher, around clone3. Of a join_plan: ESRCH, it did not come about;
				     // EAGAIN, its pidfd is wanted after all
	AU_STEP_CLONE = 3,           // clone3
	AU_STEP_WAIT = 4,            // it did not get as far as to exec in AU_LAUNCH_TIMEOUT_S
	AU_STEP_RESTORE = 5,         // setns of the launcher, back
	AU_STEP_SIGNALS = 6,         // rt_sigprocmask
	AU_STEP_SESSION = 7,         // setsid
	AU_STEP_CGROUP = 8,          // unshare(CLONE_NEWCGROUP)
	AU_STEP_JOIN_MOUNT = 9,      // setns
	AU_STEP_JOIN_IPC = 10,
	AU_STEP_JOIN_UTS = 11,
	AU_STEP_JOIN_NET = 12,
	AU_STEP_UNSHARE = 13,        // unshare of what is new in what was joined
	AU_STEP_PROPAGATION = 14,    // mount(MS_SLAVE) of all of a new mount namespace
	AU_STEP_PROC = 15,           // mount of a fresh /proc in it
	AU_STEP_HOSTNAME = 16,       // sethostname
	AU_STEP_LOOPBACK = 17,       // ioctl(SIOCSIFFLAGS)
	AU_STEP_STDIO = 18,          // dup of a standard descriptor
	AU_STEP_DESCRIPTOR = 19,     // dup of a further one; detail: its number in the process
	AU_STEP_CLOSE = 20,          // close_range
	AU_STEP_TERMINAL = 21,       // ioctl(TIOCSCTTY)
	AU_STEP_RLIMIT = 22,         // prlimit64; detail: the resource
	AU_STEP_SECCOMP = 23,        // seccomp
	AU_STEP_BOUNDING = 24,       // prctl(PR_CAPBSET_DROP); detail: the capability
	AU_STEP_GROUPS = 25,         // setgroups
	AU_STEP_GID = 26,            // setresgid
	AU_STEP_KEEP_CAPS = 27,      // prctl(PR_SET_KEEPCAPS)
	AU_STEP_UID = 28,            // setresuid
	AU_STEP_CAPABILITIES = 29,   // capset
	AU_STEP_AMBIENT = 30,        // prctl(PR_CAP_AMBIENT); detail: the capability
	AU_STEP_PRIVS = 31,          // prctl(PR_SET_NO_NEW_PRIVS)
	AU_STEP_CHDIR = 32,          // chdir
	AU_STEP_EXEC = 33,           // execve, execveat
	// Of a root of its own.
	AU_STEP_PRIVATE = 34,        // mount(MS_PRIVATE) of all of a new mount namespace
	AU_STEP_SOURCE = 35,         // open_tree; detail: the mount's place in the list
	AU_STEP_RESTRICT = 36,       // mount_setattr; detail: as above
	AU_STEP_ROOT = 37,           // fsopen, fsconfig, fsmount of the tmpfs
	AU_STEP_ROOT_PROC = 38,      // the same for its /proc
	AU_STEP_ROOT_TREE = 39,      // mkdirat; detail: the directory's place in the list
	AU_STEP_ROOT_MOUNT = 40,     // move_mount; detail: the mount's place in the list
	AU_STEP_PIVOT = 41,          // pivot_root
	AU_STEP_ROOT_SEAL = 42,      // mount_setattr of the tmpfs
	AU_STEP_UNFINISHED = 43,     // it ended before it got as far as to exec
	AU_STEP_PARENT = 44,         // prctl(PR_SET_PDEATHSIG); ESRCH: the daemon has ended already
};

// What is seen in the new root at `target`, a path without a leading slash whose directory is there.
struct au_root_mount {
	au_u64 source;               // const char *, in the daemon's root
	au_u64 target;               // const char *
	au_u64 attributes;           // MOUNT_ATTR_*
	au_u64 is_directory;         // else it is a file
};

// A root directory in place of the daemon's: a tmpfs, read-only once it is made, with these mounts in it and nothing else.
struct au_root {
	au_u64 size;                 // const char *, as tmpfs takes it: "64k"
	au_u64 directories;          // const char *[], null-terminated: to make, those above others first
	au_u64 mounts;               // const struct au_root_mount *
	au_u64 proc;                 // const char *: where the pid namespace's own /proc is mounted; 0 for nowhere
	au_u64 hidden;               // const char *[], null-terminated: mounts to undo where pivot_root can't
	au_u64 mount_count;
};

struct au_rlimit {
	au_u64 resource;
	au_u64 soft;
	au_u64 hard;
};

struct au_descriptor {
	au_s32 from;                 // in the list of those that come with the plan
	au_s32 to;                   // in the process
};

struct au_launch_plan {
	au_u64 length;               // of the plan, with all behind it
	au_u64 paths;                // const char *[], null-terminated: execve is tried on each until one is there
	au_u64 argv;                 // const char *[], null-terminated
	au_u64 envp;                 // const char *[], null-terminated
	au_u64 cwd;                  // const char *
	au_u64 hostname;             // const char *, of a UTS namespace that is new, or joined
	au_u64 namespaces;           // CLONE_NEW* bits to make
	au_u64 join;                 // CLONE_NEW* bits to join, of the process that join_pidfd is
	au_u64 rlimits;              // const struct au_rlimit *
	au_u64 groups;               // const au_u32 *
	au_u64 capabilities;         // bit N: capability N
	au_u64 filter;               // const struct sock_filter *
	au_u64 descriptors;          // const struct au_descriptor *
	au_u64 root;                 // const struct au_root *, in a new mount namespace; 0: the daemon's root
	au_u32 hostname_length;
	au_u32 rlimit_count;
	au_u32 group_count;
	au_u32 filter_count;         // 0: no filter
	au_u32 descriptor_count;
	au_u32 flags;                // enum au_launch_flag
	au_u32 uid;
	au_u32 gid;
	au_s32 cgroup;               // the control group's directory; none: the launcher's own
	au_s32 join_pidfd;
	au_s32 own_pid_namespace;    // the daemon's, where the pid namespace is joined
	au_s32 program;              // what to exec, in place of the paths
	au_s32 stdio[3];             // they become 0, 1 and 2
	au_s32 status;               // a pipe that the process to be holds until it execs or ends
	au_u32 number;               // of this plan, from 1; its report is that of this number by AU_REPORTS
	au_u32 join_plan;            // what is joined is what the plan of this number makes, in place of join_pidfd; 0: none
};

// What the launcher answers, with the pidfd where there is a process.
struct au_launch_answer {
	au_s32 pid;                  // as the launcher sees it; 0: ask the pidfd
	au_s32 step;                 // enum au_launch_step that failed; AU_STEP_NONE: there is a process
	au_s32 error;                // errno of that step
};

// What is known of the process to be, in memory that the launcher shares with the daemon. There are AU_REPORTS of them,
// one after the other; both sides are done with one before it is taken again.
struct au_launch_report {
	au_s32 pid;                  // by the kernel, before it runs; 0: of one that a helper makes
	au_s32 helper;               // of the helper, in the same way
	au_s32 namespace_pid;        // as it sees itself
	au_s32 step;                 // AU_STEP_ASK until the launcher has the plan, then AU_STEP_UNFINISHED until it is
				     // about to exec or has failed at another one
	au_s32 error;                // errno of that step
	au_s32 detail;               // what the step was at, where that says more
};

// The daemon's end of a launcher.
struct au_launcher {
	au_u64 reports;              // address of the shared struct au_launch_report[AU_REPORTS]
	au_s32 pid;
	au_s32 pidfd;
	au_s32 socket;
	au_s32 wake;                 // an eventfd that tells it of a plan
	au_s32 error;                // errno of what has ended the talk with it; 0: it goes on
	au_u32 sent;                 // plans
	au_u32 padding;
};

// A launch, between its beginning and its end.
struct au_launch {
	au_s32 status;               // the daemon's end of the pipe; -1: it has not begun
	au_s32 reserve;              // a descriptor that gives way to the pidfd
	au_u32 number;               // of its plan; 0: it was not sent
	au_s32 was_served;           // whether the launcher has had the plan; if not, another one can be asked
	au_s32 pid;                  // as the daemon sees it; 0: ask the pidfd
	au_s32 pidfd;                // close-on-exec
	au_s32 namespace_pid;
	au_s32 step;                 // enum au_launch_step; AU_STEP_NONE: it runs
	au_s32 error;
	au_s32 detail;
};

#endif
