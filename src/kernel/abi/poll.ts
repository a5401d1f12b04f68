/** Events of poll(2), which are those of epoll(7), too (asm-generic/poll.h). */
export const POLLIN = 0x0001;
export const POLLOUT = 0x0004;
