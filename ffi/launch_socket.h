// Messages between the daemon and its launcher, as unix(7) and the kernel have them; the headers that name these want a C
// library.

#ifndef AU_LAUNCH_SOCKET_H
#define AU_LAUNCH_SOCKET_H

#include "launch_plan.h"

#include <asm/socket.h>

enum {
	AU_FAMILY_UNIX = 1,
	AU_STREAM = 1,
	AU_DATAGRAM = 2,
	AU_SOCK_CLOEXEC = 02000000,
	AU_RIGHTS = 1,			// SCM_RIGHTS
	AU_CONTROL_TRUNCATED = 8,	// MSG_CTRUNC
	AU_DO_NOT_WAIT = 0x40,		// MSG_DONTWAIT
	AU_NO_SIGNAL = 0x4000,		// MSG_NOSIGNAL
	AU_CLOEXEC = 0x40000000,	// MSG_CMSG_CLOEXEC
};

// struct iovec
struct au_part {
	void *base;
	unsigned long length;
};

// struct cmsghdr of SCM_RIGHTS
struct au_control {
	unsigned long length;
	au_s32 level;
	au_s32 type;
	au_s32 fds[];
};

// struct msghdr
struct au_message {
	void *name;
	au_u32 name_length;
	struct au_part *parts;
	unsigned long part_count;
	struct au_control *control;
	unsigned long control_length;
	au_u32 flags;
};

#endif
