/**
 * What auraed and the initramfs's init agree on. `ffi/init.c` has the same numbers and the same name; a test compares
 * them.
 */

/** auraed's exit codes that ask init to end the machine, where auraed could not do it itself. */
export const EXIT_POWER_OFF = 80;
export const EXIT_RESTART = 81;

/** The name (/proc/1/comm) by which auraed knows that PID 1 is its init. */
export const INIT_NAME = "aurae-init";
