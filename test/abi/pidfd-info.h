// From include/uapi/linux/pidfd.h of Linux 6.15, for machines whose headers are older.

#ifndef PIDFD_GET_INFO

struct pidfd_info {
	unsigned long long mask;
	unsigned long long cgroupid;
	unsigned int pid;
	unsigned int tgid;
	unsigned int ppid;
	unsigned int ruid;
	unsigned int rgid;
	unsigned int euid;
	unsigned int egid;
	unsigned int suid;
	unsigned int sgid;
	unsigned int fsuid;
	unsigned int fsgid;
	int exit_code;
};

#define PIDFS_IOCTL_MAGIC 0xFF
#define PIDFD_GET_INFO _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (1UL << 3)

#endif
