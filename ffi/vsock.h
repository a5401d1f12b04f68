// Has the machine's API answer on vsock, where it has a vsock device: opens the listener, and becomes the relay to auraed
// (ffi/relay.c), without privileges. Bun can't listen on sockets of this family.

#ifndef AU_VSOCK_H
#define AU_VSOCK_H

#include "freestanding.h"
#include "vsock_address.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>

enum {
	VSOCK_API_PORT = 8080,
	VSOCK_BACKLOG = 64,
	VSOCK_GET_LOCAL_CID = 0x7b9,	// IOCTL_VM_SOCKETS_GET_LOCAL_CID
	RELAY_LISTENER = 3,
	NOBODY = 65534,
};

// VMADDR_CID_ANY: listens on all; as an answer, that there is no device.
static const unsigned int vsock_any = 0xffffffff;

static const char relay_path[] = "/bin/aurae-relay";
static const char *relay_argv[] = { "aurae-relay", "/run/aurae/vsock.sock", 0 };
static const char *relay_envp[] = { 0 };

static int has_vsock(void)
{
	unsigned int cid = vsock_any;
	long fd = CALL(open, "/dev/vsock", O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return 0;
	CALL(ioctl, fd, VSOCK_GET_LOCAL_CID, &cid, 0, 0);
	CALL(close, fd, 0, 0, 0, 0);
	return cid != vsock_any;
}

static long listen_on_vsock(void)
{
	struct vsock_address address = { VSOCK_FAMILY, 0, VSOCK_API_PORT, vsock_any, { 0 } };
	long fd = CALL(socket, VSOCK_FAMILY, 1 /* SOCK_STREAM */ | O_NONBLOCK | O_CLOEXEC, 0, 0, 0);
	long result;

	if (fd < 0)
		return fd;
	result = CALL(bind, fd, &address, sizeof(address), 0, 0);
	if (result == 0)
		result = CALL(listen, fd, VSOCK_BACKLOG, 0, 0, 0);
	return result < 0 ? result : fd;
}

// Leaves nothing open for it but the listener. Comes back only on failure, which can still be told on the console.
static long become_relay(long listener)
{
	long null = CALL(open, "/dev/null", O_RDWR, 0, 0, 0);
	unsigned long none = 0;
	long result;

	if (null < 0)
		return null;
	if (listener == RELAY_LISTENER)
		CALL(fcntl, listener, F_SETFD, 0, 0, 0);
	else
		CALL(dup2, listener, RELAY_LISTENER, 0, 0, 0);
	CALL(dup2, null, 0, 0, 0, 0);
	CALL(dup2, null, 1, 0, 0, 0);
	CALL(fcntl, 2, F_SETFD, FD_CLOEXEC, 0, 0);
	CALL(close_range, RELAY_LISTENER + 1, ~0U, 0, 0, 0);
	CALL(setsid, 0, 0, 0, 0, 0);
	if ((result = CALL(setgroups, 0, 0, 0, 0, 0)) < 0 ||
	    (result = CALL(setresgid, NOBODY, NOBODY, NOBODY, 0, 0)) < 0 ||
	    (result = CALL(setresuid, NOBODY, NOBODY, NOBODY, 0, 0)) < 0 ||
	    (result = CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
		return result;
	CALL(rt_sigprocmask, 2 /* SIG_SETMASK */, &none, 0, sizeof(none), 0);
	return CALL(execve, relay_path, relay_argv, relay_envp, 0, 0);
}

#endif
