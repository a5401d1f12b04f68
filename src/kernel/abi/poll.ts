/** Events of poll(2), which are those of epoll(7), too (asm-generic/poll.h). */
export const POLLIN = 0x0001;
/** Of /proc/self/mountinfo: the mounts have changed since they were looked at (proc_pid_mounts(5)). */
export const POLLPRI = 0x0002;
export const POLLOUT = 0x0004;
