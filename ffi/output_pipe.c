// A pipe for a process's output, in one call: pipe2(2), with room as fcntl(F_SETPIPE_SZ) gives it, and opened once more
// through /proc/self/fd (proc(5)). The end to read from does not block. The other is one descriptor for both ends, which
// blocks.

#include "system_calls.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "launch_plan.h"

struct au_output_pipe {
	au_u64 inode;
	au_s32 reader;		// close-on-exec, as the other
	au_s32 writer;
};

enum { PATH_BYTES = 32 };

static void path_of(au_s32 fd, char *path)
{
	static const char prefix[] = "/proc/self/fd/";
	char digits[12];
	int count = 0;
	unsigned i = 0;

	for (; prefix[i]; i++)
		path[i] = prefix[i];
	do
		digits[count++] = (char)('0' + fd % 10);
	while (fd /= 10);
	while (count > 0)
		path[i++] = digits[--count];
	path[i] = 0;
}

static long open_both(au_s32 fd, struct au_output_pipe *pipe)
{
	struct statx status;
	char path[PATH_BYTES];
	long both, answer;

	path_of(fd, path);
	both = SYS3(__NR_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (both < 0)
		return both;
	answer = SYS5(__NR_statx, both, "", AT_EMPTY_PATH, STATX_INO, &status);
	if (answer < 0) {
		SYS1(__NR_close, both);
		return answer;
	}
	pipe->writer = (au_s32)both;
	pipe->inode = status.stx_ino;
	return 0;
}

// Answers 0, or -errno. Where the kernel refuses so much room, it has what pipes have.
long au_output_pipe(int bytes, struct au_output_pipe *pipe)
{
	au_s32 ends[2];
	long answer = SYS2(__NR_pipe2, ends, O_NONBLOCK | O_CLOEXEC);

	if (answer < 0)
		return answer;
	SYS3(__NR_fcntl, ends[1], F_SETPIPE_SZ, bytes);
	answer = open_both(ends[1], pipe);
	SYS1(__NR_close, ends[1]);
	if (answer < 0)
		SYS1(__NR_close, ends[0]);
	pipe->reader = ends[0];
	return answer;
}
