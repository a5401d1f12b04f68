/** What prctl(2) is asked for (linux/prctl.h). */
export const PR_SET_NAME = 15;
/** Of the calling thread, and of those that a filter of system calls is put on by it. */
export const PR_SET_NO_NEW_PRIVS = 38;
/** Names a range of memory for people (Linux 5.17). */
export const PR_SET_VMA = 0x53564d41;
