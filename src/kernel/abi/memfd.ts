/** Flags of memfd_create(2) (linux/memfd.h). */
export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;
/** Since Linux 6.3, which can be set up to refuse a file without it to exec. */
export const MFD_EXEC = 0x10;
