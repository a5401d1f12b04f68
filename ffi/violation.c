// What happens to a process that makes a system call that its filter has no place for (seccomp(2), SECCOMP_RET_TRAP): the
// call is not made, SIGSYS comes in its place, and the handler here tells the number and ends the process. A signal that
// the thread blocks is deadly by itself. The filter keeps the handler from being replaced.

#include <asm-generic/siginfo.h>
#include <asm/signal.h>
#include "freestanding.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

enum { TEXT_BYTES = 512, DIGITS = 10 };

static struct {
	long fd;
	long exit_code;
	unsigned before;		// how many bytes of the text come before the number
	unsigned length;
	char text[TEXT_BYTES];
} report;

extern void au_restore(void) __attribute__((visibility("hidden")));	// kick.c

static void violated(int signal, siginfo_t *info, void *context)
{
	char message[TEXT_BYTES + DIGITS], digits[DIGITS];
	unsigned number = (unsigned)info->si_syscall, count = 0, length = 0;

	(void)signal;
	(void)context;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (unsigned i = 0; i < report.before; i++)
		message[length++] = report.text[i];
	while (count > 0)
		message[length++] = digits[--count];
	for (unsigned i = report.before; i < report.length; i++)
		message[length++] = report.text[i];
	CALL(write, report.fd, message, length, 0, 0);
	for (;;)
		CALL(exit_group, report.exit_code, 0, 0, 0, 0);
}

// From now on writes the text to the descriptor, with the call's number after its first `before` bytes, and ends the
// process with the code. Returns 0, or -errno.
long au_violation_handler(long fd, const char *text, long length, long before, long exit_code)
{
	struct sigaction action = {0};

	if (length < 0 || length > TEXT_BYTES || before < 0 || before > length)
		return -22;	// EINVAL
	report.fd = fd;
	report.exit_code = exit_code;
	report.before = (unsigned)before;
	report.length = (unsigned)length;
	for (long i = 0; i < length; i++)
		report.text[i] = text[i];
	action.sa_handler = (__sighandler_t)(void *)violated;
	action.sa_flags = SA_SIGINFO | SA_RESTORER;
	action.sa_restorer = au_restore;
	action.sa_mask = ~0ul;
	return CALL(rt_sigaction, SIGSYS, &action, 0, sizeof(sigset_t), 0);
}
