// Runs a monitor once and prints what it measured, one name and one number a line. It is the clock of vmm.bench.ts: times
// are nanoseconds since right before the monitor's process was made.
//
//   host FLAG... -- PROGRAM WORD...
//     --memory BYTES      of the guest, which is not counted as the monitor's
//     --serial FD         where the monitor has the output of the serial port: the guest's marks (marks.ts)
//     --first BYTE        the first mark; what comes before is no mark
//     --last BYTE         the mark that ends the run
//     --open FD=PATH      opened for reading and writing, or for reading where that is refused
//     --tap FD=NAME       a TAP device whose host has 10.99.0.1 and answers on port 5001
//     --control FILE      a socket for packets at 3, the other end at 4, and what is done with it (below)
//     --env NAME=VALUE    in the monitor's environment
//     --trace             the time of the first KVM_RUN of all, by the kernel's tracing; tracefs has to be mounted
//     --seconds N         the longest that a run may take
//
// What it prints, beside marks: "run" is the first KVM_RUN; "private" and "files" the monitor's own memory in KiB, at the
// first mark and at the last: private pages, and pages of files that nobody else maps.
//
// A line of the control file is a message, whose answer is waited for; "wait BYTE", which waits for a mark; or "attach FD
// FD", whose descriptors go with the next message. The run ends with the file where no last mark is given.

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FIRST_OWN_FD = 100, // above all that the monitor is given
	MAX_FDS = 16,
	PACKET_BYTES = 1 << 16,
	NOISE_BYTES = 4096,
};

struct given_fd {
	int number;
	int own;
};

static struct given_fd given[MAX_FDS];
static int given_count;
static long memory_kib;
static int serial_fd = 1;
static char first_mark = 'U';
static char last_mark;
static const char *control_path;
static int is_traced;
static long limit_seconds = 300;
static int serial_output = -1;
static int control_socket = -1;
static pid_t monitor = -1;
static pid_t server = -1;
static char noise[NOISE_BYTES];
static size_t noise_count;
static long long start_ns;
static int is_running;

static void end_children(void)
{
	pid_t children[] = {monitor, server};

	for (int i = 0; i < 2; i++) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
			waitpid(children[i], 0, 0);
		}
	}
}

// What the monitor said on its way out.
static void print_last_words(void)
{
	char packet[1024];
	ssize_t got;
	int status;

	if (serial_output >= 0 && noise_count < NOISE_BYTES) {
		got = read(serial_output, noise + noise_count, NOISE_BYTES - noise_count);
		noise_count += got > 0 ? got : 0;
	}
	fprintf(stderr, "serial port: %.*s\n", (int)noise_count, noise);
	while (control_socket >= 0 && (got = recv(control_socket, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		fprintf(stderr, "control socket: %.*s\n", (int)got, packet);
	if (monitor > 0 && waitpid(monitor, &status, WNOHANG) == monitor) {
		fprintf(stderr, "the monitor ended with status %#x\n", status);
		monitor = -1;
	}
}

void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	print_last_words();
	end_children();
	exit(1);
}

void require(int ok, const char *what)
{
	char text[300];

	if (ok)
		return;
	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	fail(text);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Out of the way of the numbers that the monitor is to have.
static int moved(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);

	require(own >= 0, "dup");
	close(fd);
	return own;
}

static void give(int number, int fd)
{
	require(given_count < MAX_FDS && number < FIRST_OWN_FD, "too many descriptors");
	given[given_count++] = (struct given_fd){number, moved(fd)};
}

// "8=/dev/kvm": answers with what is behind the "=".
static const char *numbered(const char *word, int *number)
{
	char *rest;

	*number = strtol(word, &rest, 10);
	require(*rest == '=', word);
	return rest + 1;
}

static void give_file(const char *word)
{
	int number;
	const char *path = numbered(word, &number);
	int fd = open(path, O_RDWR);

	if (fd < 0)
		fd = open(path, O_RDONLY);
	require(fd >= 0, path);
	give(number, fd);
}

static void exec_monitor(char **argv, int serial, const int *control)
{
	for (int i = 0; i < given_count; i++)
		dup2(given[i].own, given[i].number);
	dup2(serial, serial_fd);
	if (control_path != 0) {
		dup2(control[0], 3);
		dup2(control[1], 4);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[0], argv);
	_exit(127);
}

// Prints the marks up to this one.
static void follow(char last)
{
	char bytes[256];
	struct pollfd wait = {.fd = serial_output, .events = POLLIN};

	for (;;) {
		long long left = start_ns + limit_seconds * 1000000000LL - now_ns();
		if (left <= 0)
			fail("the guest did not end in time");
		if (poll(&wait, 1, left / 1000000 + 1) == 0)
			continue;
		long long now = now_ns();
		ssize_t got = read(serial_output, bytes, sizeof(bytes));
		if (got <= 0)
			fail("the monitor ended");
		for (ssize_t i = 0; i < got; i++) {
			if (noise_count < NOISE_BYTES)
				noise[noise_count++] = bytes[i];
			int is_first = !is_running && bytes[i] == first_mark;
			is_running = is_running || is_first;
			if (!is_running)
				continue;
			if (bytes[i] == '!')
				fail("the guest failed");
			printf("%c %lld\n", bytes[i], now - start_ns);
			if (is_first)
				print_memory("first", monitor, memory_kib);
			if (bytes[i] == last)
				return;
		}
	}
}

static void send_message(const char *text, size_t length, const char *attached)
{
	char rights[CMSG_SPACE(MAX_FDS * sizeof(int))] = {0};
	struct iovec bytes = {(char *)text, length};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	int fds[MAX_FDS];
	int count = 0;
	int used;

	for (int number; count < MAX_FDS && sscanf(attached, "%d%n", &number, &used) == 1; attached += used)
		for (int i = 0; i < given_count; i++)
			if (given[i].number == number)
				fds[count++] = given[i].own;
	if (count > 0) {
		message.msg_control = rights;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	require(sendmsg(control_socket, &message, MSG_NOSIGNAL) == (ssize_t)length, "control socket");
}

static void read_answer(void)
{
	static char answer[PACKET_BYTES + 1];

	do {
		ssize_t got = recv(control_socket, answer, PACKET_BYTES, 0);
		require(got > 0, "answer on the control socket");
		answer[got] = 0;
	} while (strstr(answer, "\"event\"") != 0);
	if (strstr(answer, "\"error\"") != 0)
		fail(answer);
}

static void talk(void)
{
	static char line[PACKET_BYTES];
	static char attached[PACKET_BYTES];
	FILE *file = fopen(control_path, "re");

	require(file != 0, control_path);
	while (fgets(line, sizeof(line), file) != 0) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "wait ", 5) == 0) {
			follow(line[5]);
		} else if (strncmp(line, "attach ", 7) == 0) {
			strcpy(attached, line + 7);
		} else {
			send_message(line, strlen(line), attached);
			read_answer();
			attached[0] = 0;
		}
	}
	fclose(file);
}

static char **parse(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *flag = argv[i];
		if (strcmp(flag, "--trace") == 0) {
			is_traced = 1;
			continue;
		}
		require(i + 1 < argc, flag);
		const char *value = argv[++i];
		if (strcmp(flag, "--memory") == 0)
			memory_kib = atol(value) / 1024;
		else if (strcmp(flag, "--serial") == 0)
			serial_fd = atoi(value);
		else if (strcmp(flag, "--first") == 0)
			first_mark = value[0];
		else if (strcmp(flag, "--last") == 0)
			last_mark = value[0];
		else if (strcmp(flag, "--open") == 0)
			give_file(value);
		else if (strcmp(flag, "--tap") == 0) {
			int number;
			const char *name = numbered(value, &number);
			give(number, open_tap(name));
			server = start_server();
		} else if (strcmp(flag, "--control") == 0)
			control_path = value;
		else if (strcmp(flag, "--env") == 0)
			require(putenv(argv[i]) == 0, value);
		else if (strcmp(flag, "--seconds") == 0)
			limit_seconds = atol(value);
		else
			fail(flag);
	}
	if (i + 1 >= argc)
		fail("no program");
	return argv + i + 1;
}

int main(int argc, char **argv)
{
	int serial[2];
	int control[2] = {-1, -1};
	char **program = parse(argc, argv);

	require(pipe2(serial, O_CLOEXEC) == 0, "pipe");
	serial_output = moved(serial[0]);
	serial[1] = moved(serial[1]);
	fcntl(serial_output, F_SETFL, O_NONBLOCK);
	if (control_path != 0) {
		require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0, "socketpair");
		control[0] = moved(control[0]);
		control[1] = moved(control[1]);
	}
	if (is_traced)
		start_trace();
	start_ns = now_ns();
	monitor = fork();
	require(monitor >= 0, "fork");
	if (monitor == 0)
		exec_monitor(program, serial[1], control);
	close(serial[1]);
	if (control_path != 0) {
		close(control[0]);
		control_socket = control[1];
		talk();
	}
	if (last_mark != 0) {
		follow(last_mark);
		print_memory("last", monitor, memory_kib);
	}
	if (is_traced)
		printf("run %lld\n", traced_ns() - start_ns);
	end_children();
	return 0;
}
