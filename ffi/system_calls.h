// System calls by au_syscall() of shim.c, whatever the arguments' types.

#ifndef AU_SYSTEM_CALLS_H
#define AU_SYSTEM_CALLS_H

extern long au_syscall(long number, long a, long b, long c, long d, long e, long f);

#define SYS0(n) au_syscall(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a) au_syscall(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b) au_syscall(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c) au_syscall(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS6(n, a, b, c, d, e, f) au_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
