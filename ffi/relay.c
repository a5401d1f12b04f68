// Relays stream connections: what is accepted on descriptor 3 goes to the Unix socket that the first argument names, and
// back. In a guest it stands between vsock, on which Bun can't listen, and auraed, which does TLS and everything else.
//
// /init starts it without privileges (ffi/vsock.h); it takes away from itself what it does not need, understands nothing
// of what it carries, and holds a bounded number of connections. Its peers on vsock are the host and the machine itself,
// and no other guests.

#include "freestanding.h"
#include "memory.h"
#include "vsock_address.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/time_types.h>
#include <linux/un.h>
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/signal.h>

enum {
	AF_UNIX_FAMILY = 1,
	CID_LOCAL = 1,
	CID_HOST = 2,
};

union address {
	struct vsock_address vsock;
	struct sockaddr_un un;
};

enum {
	LISTENER = 3,
	MAX_CONNECTIONS = 128,
	BUFFER_BYTES = 32768,
	TURNS = 4,	// reads of one direction before others have theirs
	PAUSE_MS = 100,	// after accept has failed in a way that may last
	SHUT_WRITE = 1,
	SIGSET_BYTES = 8,
	STREAM_FLAGS = O_NONBLOCK | O_CLOEXEC,	// SOCK_NONBLOCK and SOCK_CLOEXEC are the same
};

// One way of a connection: what has been read and not been written yet.
struct way {
	int from, to;
	int start, end;
	int is_over;	// nothing more comes, and the other side has been told
	char bytes[BUFFER_BYTES];
};

struct connection {
	int is_open;
	struct way in, out;	// to the server, and back
};

static struct connection connections[MAX_CONNECTIONS];
static int open_count;
static struct sockaddr_un server;
static long server_length;

__attribute__((noreturn)) static void end(int code)
{
	for (;;)
		CALL(exit_group, code, 0, 0, 0, 0);
}

// ------------------------------------------------------------------------------------------------ what it may do

#define ALLOW(name)                                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1),       \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(struct seccomp_data, nr)),
	ALLOW(poll),
	ALLOW(read),
	ALLOW(write),
	ALLOW(accept4),
	ALLOW(socket),
	ALLOW(connect),
	ALLOW(shutdown),
	ALLOW(close),
	ALLOW(restart_syscall),
	ALLOW(exit_group),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

// A write to who is gone is an error, and no signal: it stays blocked.
static void restrict_itself(void)
{
	unsigned long pipe = 1UL << (SIGPIPE - 1);
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	CALL(rt_sigprocmask, SIG_BLOCK, &pipe, 0, SIGSET_BYTES, 0);
	CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    CALL(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, 0, 0) < 0)
		end(3);
}

// ------------------------------------------------------------------------------------------------ one connection

static void way_start(struct way *way, long from, long to)
{
	way->from = (int)from;
	way->to = (int)to;
	way->start = way->end = way->is_over = 0;
}

// Moves what there is to move. Answers whether the connection is still good.
static int way_move(struct way *way)
{
	for (int turn = 0; turn < TURNS;) {
		long result;

		if (way->start < way->end) {
			result = CALL(write, way->to, way->bytes + way->start, way->end - way->start, 0, 0);
			if (result == -EAGAIN)
				return 1;
			if (result < 0 && result != -EINTR)
				return 0;
			if (result > 0)
				way->start += (int)result;
			continue;
		}
		if (way->is_over)
			return 1;
		result = CALL(read, way->from, way->bytes, BUFFER_BYTES, 0, 0);
		if (result == -EAGAIN)
			return 1;
		if (result == -EINTR)
			continue;
		if (result < 0)
			return 0;
		if (result == 0) {
			way->is_over = 1;
			CALL(shutdown, way->to, SHUT_WRITE, 0, 0, 0);
			return 1;
		}
		way->start = 0;
		way->end = (int)result;
		turn++;
	}
	return 1;
}

static int way_is_done(const struct way *way)
{
	return way->is_over && way->start == way->end;
}

static void connection_close(struct connection *connection)
{
	CALL(close, connection->in.from, 0, 0, 0, 0);
	CALL(close, connection->in.to, 0, 0, 0, 0);
	connection->is_open = 0;
	open_count--;
}

// A server that has said all is done with its client.
static void connection_move(struct connection *connection)
{
	if (!way_move(&connection->in) || !way_move(&connection->out) || way_is_done(&connection->out))
		connection_close(connection);
}

// ------------------------------------------------------------------------------------------------ all of them

static int may_connect(const union address *peer, int length)
{
	if (length < (int)sizeof(unsigned short) || peer->vsock.family != VSOCK_FAMILY)
		return 1;
	return length >= 12 && (peer->vsock.cid == CID_HOST || peer->vsock.cid == CID_LOCAL);
}

static void connect_to_server(long client)
{
	long socket = CALL(socket, AF_UNIX_FAMILY, 1 /* SOCK_STREAM */ | STREAM_FLAGS, 0, 0, 0);

	if (socket < 0 || CALL(connect, socket, &server, server_length, 0, 0) < 0) {
		if (socket >= 0)
			CALL(close, socket, 0, 0, 0, 0);
		CALL(close, client, 0, 0, 0, 0);
		return;
	}
	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		struct connection *connection = &connections[i];

		if (connection->is_open)
			continue;
		way_start(&connection->in, client, socket);
		way_start(&connection->out, socket, client);
		connection->is_open = 1;
		open_count++;
		return;
	}
}

// Answers how long to leave the listener alone: accept may go on failing, for want of memory or descriptors.
static int accept_all(void)
{
	while (open_count < MAX_CONNECTIONS) {
		union address peer = { .vsock = { 0, 0, 0, 0, { 0 } } };
		int length = sizeof(peer);
		long client = CALL(accept4, LISTENER, &peer, &length, STREAM_FLAGS, 0);

		if (client == -EAGAIN)
			return -1;
		if (client == -EINTR || client == -ECONNABORTED)
			continue;
		if (client < 0)
			return PAUSE_MS;
		if (may_connect(&peer, length))
			connect_to_server(client);
		else
			CALL(close, client, 0, 0, 0, 0);
	}
	return -1;
}

static void wish(struct pollfd *polled, int fd, int in, int out)
{
	polled->events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
	polled->revents = 0;
	// A peer that is gone is reported even to who asked for nothing.
	polled->fd = polled->events ? fd : -1;
}

static int wants_input(const struct way *way)
{
	return way->start == way->end && !way->is_over;
}

__attribute__((noreturn)) static void relay(void)
{
	static struct pollfd polled[1 + 2 * MAX_CONNECTIONS];
	static struct connection *of[MAX_CONNECTIONS];
	int pause = -1;

	for (;;) {
		int count = 0;

		wish(&polled[0], LISTENER, open_count < MAX_CONNECTIONS && pause < 0, 0);
		for (int i = 0; i < MAX_CONNECTIONS; i++) {
			struct connection *it = &connections[i];

			if (!it->is_open)
				continue;
			wish(&polled[1 + 2 * count], it->in.from, wants_input(&it->in), it->out.start < it->out.end);
			wish(&polled[2 + 2 * count], it->in.to, wants_input(&it->out), it->in.start < it->in.end);
			of[count++] = it;
		}
		CALL(poll, polled, 1 + 2 * count, pause, 0, 0);
		pause = -1;
		for (int i = 0; i < count; i++)
			if (polled[1 + 2 * i].revents || polled[2 + 2 * i].revents)
				connection_move(of[i]);
		if (polled[0].revents)
			pause = accept_all();
	}
}

// The stack as the kernel has made it: the number of arguments, and where each is.
__attribute__((noreturn, used)) static void relay_main(const long *stack)
{
	const char *path = stack[0] == 2 ? (const char *)stack[2] : "";
	unsigned long length = 0;

	while (path[length] && length < sizeof(server.sun_path))
		length++;
	if (length == 0 || length == sizeof(server.sun_path))
		end(2);
	server.sun_family = AF_UNIX_FAMILY;
	memcpy(server.sun_path, path, length);
	server_length = (long)(sizeof(server.sun_family) + length + 1);
	restrict_itself();
	relay();
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call relay_main\n"
	"	hlt\n");
