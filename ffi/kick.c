// The handler of the signal that ends another thread's KVM_RUN. It does nothing: that a signal with a handler comes is
// what makes a system call return EINTR, and what is wanted stands in memory. (A signal that is ignored interrupts nothing,
// and JavaScript can't be a signal's handler on a thread that is inside a system call.)

#include <stddef.h>
#include <asm/signal.h>
#include "freestanding.h"

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

static void kicked(int signal)
{
	(void)signal;
}

// What a handler returns to (sigreturn(2)); a C library would bring one.
__asm__(".text\n"
	".globl au_restore\n"
	".hidden au_restore\n"
	".type au_restore, @function\n"
	"au_restore:\n"
	"	mov $15, %eax\n" // rt_sigreturn
	"	syscall\n");
extern void au_restore(void) __attribute__((visibility("hidden")));

// Gives the signal its handler, unless it has one. Returns 0, or -errno.
long au_kick_handler(long signal)
{
	struct sigaction now = {0};
	struct sigaction ours = {0};
	long result = CALL(rt_sigaction, signal, 0, &now, sizeof(sigset_t), 0);

	if (result < 0)
		return result;
	if (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)
		return 0;
	ours.sa_handler = kicked;
	ours.sa_flags = SA_RESTORER;
	ours.sa_restorer = au_restore;
	return CALL(rt_sigaction, signal, &ours, 0, sizeof(sigset_t), 0);
}
