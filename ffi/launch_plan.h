// What au_launch() does for one process. The same layout stands in src/kernel/process/launch-plan.ts; a test
// compares the two. All pointers are addresses in the daemon's memory, valid until au_launch() returns.

#ifndef AU_LAUNCH_PLAN_H
#define AU_LAUNCH_PLAN_H

typedef unsigned int au_u32;
typedef int au_s32;
typedef unsigned long long au_u64;

enum au_launch_flag {
	AU_SET_UID = 1,          // setuid(uid), after supplementary groups are dropped
	AU_SET_GID = 2,          // setgid(gid), after supplementary groups are dropped
	AU_NO_NEW_PRIVS = 4,     // prctl(PR_SET_NO_NEW_PRIVS)
};

// The step that failed. src/kernel/process/launch-plan.ts has their names for people.
enum au_launch_step {
	AU_STEP_NONE = 0,
	AU_STEP_STACK = 1,       // mmap of the child's stack
	AU_STEP_CLONE = 2,       // clone3
	AU_STEP_SIGNALS = 3,     // rt_sigaction
	AU_STEP_SESSION = 4,     // setsid
	AU_STEP_STDIO = 5,       // dup of a standard descriptor
	AU_STEP_CLOSE = 6,       // close_range
	AU_STEP_CHDIR = 7,       // chdir
	AU_STEP_RLIMIT = 8,      // prlimit64
	AU_STEP_GROUPS = 9,      // setgroups
	AU_STEP_GID = 10,        // setresgid
	AU_STEP_UID = 11,        // setresuid
	AU_STEP_PRIVS = 12,      // prctl
	AU_STEP_EXEC = 13,       // execve
};

struct au_rlimit {
	au_u64 resource;
	au_u64 soft;
	au_u64 hard;
};

struct au_launch_plan {
	au_u64 paths;            // const char *[], null-terminated: execve is tried on each until one is there
	au_u64 argv;             // const char *[], null-terminated
	au_u64 envp;             // const char *[], null-terminated
	au_u64 cwd;              // const char *
	au_u64 namespaces;       // CLONE_NEW* bits
	au_u64 rlimits;          // const struct au_rlimit *
	au_u32 rlimit_count;
	au_u32 flags;            // enum au_launch_flag
	au_u32 uid;
	au_u32 gid;
	au_s32 cgroup;           // descriptor of the control group's directory, -1 for the daemon's own
	au_s32 stdio[3];         // descriptors that become 0, 1 and 2
};

struct au_launch_result {
	au_s32 pid;              // as the daemon sees it
	au_s32 pidfd;            // close-on-exec
	au_s32 step;             // enum au_launch_step; AU_STEP_NONE: it runs
	au_s32 error;            // errno of that step
};

#endif
