/** Flags of eventfd2(2) (sys/eventfd.h). */
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;
