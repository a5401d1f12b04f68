/** Architectures as seccomp(2) names them (linux/audit.h). */
export const AUDIT_ARCH_X86_64 = 0xc000_003e;
