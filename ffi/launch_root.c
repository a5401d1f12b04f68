// A root directory of the process's own, in place of the daemon's: a small tmpfs with mounts of the files that the
// program is made of. All of it is in the child's new mount namespace, and goes with the last process in there; nothing
// of the host's changes, and nothing that the host mounts later comes here.
//
// What is to be seen is taken hold of first (open_tree(2)), since the new root covers it. The tmpfs is mounted over the
// old root, filled, and takes its place by pivot_root(2), after which the old one is undone with all that is mounted
// there. That can't be done to the kernel's first root, the rootfs that an initramfs is in: there the tmpfs stays on top
// of it, as every root does, the mounts are undone one by one, and chroot(2) goes into it. There is no way down from
// there without the capabilities that are given up next.
//
// mount_setattr(2) needs Linux 5.12; the options of proc, 5.8.

#include "launch_child.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

enum { DETACH = 2 };	// MNT_DETACH of sys/mount.h, a C library's

static long configure(long fd, unsigned command, const char *key, const char *value)
{
	return SYS5(__NR_fsconfig, fd, command, key, value, 0);
}

static long mount_from(struct child *child, int step, long fd, long attributes)
{
	long mount;

	check_at(child, step, 0, configure(fd, FSCONFIG_CMD_CREATE, 0, 0));
	mount = check_at(child, step, 0, SYS3(__NR_fsmount, fd, FSMOUNT_CLOEXEC, attributes));
	SYS1(__NR_close, fd);
	return mount;
}

static long make_root(struct child *child, const struct au_root *root)
{
	int step = AU_STEP_ROOT;
	long fd = check_at(child, step, 0, SYS2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC));

	check_at(child, step, 0, configure(fd, FSCONFIG_SET_STRING, "size", (const char *)root->size));
	check_at(child, step, 0, configure(fd, FSCONFIG_SET_STRING, "nr_inodes", "256"));
	check_at(child, step, 0, configure(fd, FSCONFIG_SET_STRING, "mode", "755"));
	return mount_from(child, step, fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// Processes alone, without the rest of the kernel's state.
static long make_proc(struct child *child)
{
	int step = AU_STEP_ROOT_PROC;
	long fd = check_at(child, step, 0, SYS2(__NR_fsopen, "proc", FSOPEN_CLOEXEC));

	check_at(child, step, 0, configure(fd, FSCONFIG_SET_STRING, "subset", "pid"));
	check_at(child, step, 0, configure(fd, FSCONFIG_SET_STRING, "hidepid", "invisible"));
	return mount_from(child, step, fd,
			  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// A mount of its own of what is at a path, with its restrictions.
static long take_hold(struct child *child, const struct au_root_mount *mount, au_u64 index)
{
	struct mount_attr attributes = { .attr_set = mount->attributes, .propagation = 0 };
	long fd = check_at(child, AU_STEP_SOURCE, (long)index,
			   SYS3(__NR_open_tree, AT_FDCWD, mount->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));

	check_at(child, AU_STEP_RESTRICT, (long)index,
		 SYS5(__NR_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)));
	return fd;
}

static void put(struct child *child, long fd, long root, const struct au_root_mount *mount, au_u64 index)
{
	const char *target = (const char *)mount->target;
	long made;

	if (mount->is_directory) {
		made = SYS3(__NR_mkdirat, root, target, 0755);
	} else {
		made = SYS4(__NR_openat, root, target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
		if (made >= 0)
			SYS1(__NR_close, made);
	}
	check_at(child, AU_STEP_ROOT_MOUNT, (long)index, made);
	check_at(child, AU_STEP_ROOT_MOUNT, (long)index,
		 SYS5(__NR_move_mount, fd, "", root, target, MOVE_MOUNT_F_EMPTY_PATH));
	SYS1(__NR_close, fd);
}

static void fill(struct child *child, const struct au_root *root, long fd, long proc, const long *held)
{
	const struct au_root_mount *mounts = (const struct au_root_mount *)root->mounts;
	const char *const *directory = (const char *const *)root->directories;

	for (long i = 0; directory[i]; i++)
		check_at(child, AU_STEP_ROOT_TREE, i, SYS3(__NR_mkdirat, fd, directory[i], 0755));
	if (proc >= 0) {
		check_at(child, AU_STEP_ROOT_PROC, 0, SYS3(__NR_mkdirat, fd, root->proc, 0555));
		check_at(child, AU_STEP_ROOT_PROC, 0,
			 SYS5(__NR_move_mount, proc, "", fd, root->proc, MOVE_MOUNT_F_EMPTY_PATH));
		SYS1(__NR_close, proc);
	}
	for (au_u64 i = 0; i < root->mount_count; i++)
		put(child, held[i], fd, &mounts[i], i);
}

static void go_in(struct child *child, const struct au_root *root)
{
	const char *const *hidden = (const char *const *)root->hidden;
	long answer = SYS2(__NR_pivot_root, ".", ".");

	if (answer == -EINVAL) {	// on the rootfs
		for (; *hidden; hidden++)
			SYS2(__NR_umount2, *hidden, DETACH);	// gone with one above it, or this one's own
		answer = SYS1(__NR_chroot, ".");
	} else if (answer >= 0) {
		// The old root is on top of the new one now, and "." is under it.
		answer = SYS2(__NR_umount2, ".", DETACH);
	}
	check_at(child, AU_STEP_PIVOT, 0, answer);
	check_at(child, AU_STEP_PIVOT, 0, SYS1(__NR_chdir, "/"));
}

void enter_root(struct child *child, const struct au_root *root)
{
	const struct au_root_mount *mounts = (const struct au_root_mount *)root->mounts;
	struct mount_attr sealed = { .attr_set = MOUNT_ATTR_RDONLY };
	long held[AU_MAX_ROOT_MOUNTS], fd, proc = -1, mask;

	if (root->mount_count > AU_MAX_ROOT_MOUNTS)
		leave(child, AU_STEP_SOURCE, -E2BIG, AU_MAX_ROOT_MOUNTS);
	check_at(child, AU_STEP_PRIVATE, 0, SYS5(__NR_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0));
	for (au_u64 i = 0; i < root->mount_count; i++)
		held[i] = take_hold(child, &mounts[i], i);
	if (root->proc)
		proc = make_proc(child);
	fd = make_root(child, root);
	check_at(child, AU_STEP_ROOT, 0, SYS5(__NR_move_mount, fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	mask = SYS1(__NR_umask, 0);
	fill(child, root, fd, proc, held);
	SYS1(__NR_umask, mask);
	check_at(child, AU_STEP_ROOT_SEAL, 0,
		 SYS5(__NR_mount_setattr, fd, "", AT_EMPTY_PATH, &sealed, sizeof(sealed)));
	check_at(child, AU_STEP_PIVOT, 0, SYS1(__NR_fchdir, fd));
	SYS1(__NR_close, fd);
	go_in(child, root);
}
