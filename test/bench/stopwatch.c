// Times one thing after the other, and adds next to nothing to it: calls of the daemon over one open HTTP/1.1 connection
// with mTLS, each a binary message by POST, or other programs, from their start to their end.
//
//	stopwatch call PORT CA CERT KEY		lines are METHOD MESSAGE METHOD MESSAGE …, the messages in hexadecimal digits
//	stopwatch run				lines are a program and its arguments
//
// What stands in a line is set apart by tabs. Prints for each line how many milliseconds it took, or `!` and what went
// wrong; all of it at an empty line, so that whoever reads it sleeps meanwhile.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { LINE_BYTES = 64 * 1024, MESSAGE_BYTES = 128 * 1024, MAX_ARGUMENTS = 64 };

static const char separator[] = "\t";
static char failure[512];

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

// ------------------------------------------------------------------------------------------------------------- calls

static SSL *connection;
static const char *port;

static void die(const char *what)
{
	fprintf(stderr, "stopwatch: %s: %s\n", what, errno ? strerror(errno) : "refused");
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void open_connection(char **arguments)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };

	port = arguments[0];
	address.sin_port = htons((unsigned short)atoi(port));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, 0);
	if (SSL_CTX_load_verify_locations(context, arguments[1], 0) != 1)
		die(arguments[1]);
	if (SSL_CTX_use_certificate_file(context, arguments[2], SSL_FILETYPE_PEM) != 1)
		die(arguments[2]);
	if (SSL_CTX_use_PrivateKey_file(context, arguments[3], SSL_FILETYPE_PEM) != 1)
		die(arguments[3]);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	connection = SSL_new(context);
	SSL_set_fd(connection, fd);
	if (SSL_connect(connection) != 1)
		die("the handshake");
}

// Where the body begins, once all of it is there; 0 before.
static const char *whole_body(const char *answer, int length)
{
	const char *end = strstr(answer, "\r\n\r\n"), *field;

	if (!end)
		return 0;
	field = strcasestr(answer, "\r\ncontent-length:");
	if (!field || field > end)
		return 0;
	return length >= end + 4 - answer + atoi(field + strlen("\r\ncontent-length:")) ? end + 4 : 0;
}

static int call(const char *method, const char *body)
{
	static char message[MESSAGE_BYTES];
	const char *answer = 0;
	size_t bytes = strlen(body) / 2;
	int length = snprintf(message, sizeof(message),
			      "POST /aurae.cells.v0.CellService/%s HTTP/1.1\r\nhost: 127.0.0.1:%s\r\n"
			      "content-type: application/proto\r\ncontent-length: %zu\r\n\r\n",
			      method, port, bytes);

	for (size_t i = 0; i < bytes; i++) {
		char digits[3] = { body[2 * i], body[2 * i + 1], 0 };

		message[length++] = (char)strtol(digits, 0, 16);
	}
	if (SSL_write(connection, message, length) != length)
		die("write");
	for (length = 0; !answer; answer = whole_body(message, length)) {
		int count = SSL_read(connection, message + length, sizeof(message) - 1 - length);

		if (count <= 0)
			die("read");
		length += count;
		message[length] = 0;
	}
	if (!strncmp(message, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")))
		return 1;
	snprintf(failure, sizeof(failure), "%s: %s", method, answer);
	return 0;
}

static int make_calls(char *line)
{
	char *rest, *method = strtok_r(line, separator, &rest);

	for (; method; method = strtok_r(0, separator, &rest)) {
		const char *body = strtok_r(0, separator, &rest);

		if (!call(method, body ? body : ""))
			return 0;
	}
	return 1;
}

// ---------------------------------------------------------------------------------------------------------- programs

extern char **environ;

static int run_program(char *line)
{
	char *arguments[MAX_ARGUMENTS + 1], *rest;
	posix_spawn_file_actions_t actions;
	int count = 0, status = 0, error;
	pid_t pid;

	for (char *it = strtok_r(line, separator, &rest); it && count < MAX_ARGUMENTS; it = strtok_r(0, separator, &rest))
		arguments[count++] = it;
	arguments[count] = 0;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&pid, arguments[0], &actions, 0, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		snprintf(failure, sizeof(failure), "%s: %s", arguments[0], strerror(error));
		return 0;
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	snprintf(failure, sizeof(failure), "%s: ended with %#x", arguments[0], (unsigned)status);
	return 0;
}

int main(int count, char **arguments)
{
	static char line[LINE_BYTES];
	int calls = count == 6 && !strcmp(arguments[1], "call");

	if (calls)
		open_connection(arguments + 2);
	else if (count != 2 || strcmp(arguments[1], "run"))
		die("call PORT CA CERT KEY, or run");
	while (fgets(line, sizeof(line), stdin)) {
		double start;
		int is_done;

		line[strcspn(line, "\n")] = 0;
		if (!line[0]) {
			fflush(stdout);
			continue;
		}
		start = now_ms();
		is_done = calls ? make_calls(line) : run_program(line);
		if (is_done)
			printf("%.6f\n", now_ms() - start);
		else
			printf("!%s\n", failure);
	}
	return 0;
}
