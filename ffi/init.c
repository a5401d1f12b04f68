// The first process of a machine: /init of the initramfs. It mounts what a Bun program needs to run at all (/proc,
// /sys, /dev), has the kernel modules loaded (preload_modules.h), starts /bin/auraed, and a relay to it where there is
// vsock (vsock.h), and stays: it reaps orphans, starts both again when they die, hands signals on, and ends the machine
// when asked. The kernel panics if this
// program ends, so no path leads out of it, and nothing here allocates, parses more than the kernel command line and
// the list of modules, or trusts what auraed does.
//
// Freestanding: raw system calls, the kernel's own headers, no libc. Every signal stays blocked for its whole life
// and is taken one at a time by rt_sigtimedwait(2), so no handler ever runs and no race with fork exists.
//
// Kernel command line
//   aurae.init=exec      auraed replaces this program and is PID 1 itself
//   -- WORD...           the words after "--" go to auraed as its arguments
//
// What ends the machine
//   SIGTERM, SIGPWR      power off; auraed gets SIGTERM
//   SIGINT               restart (ctrl-alt-del, too); auraed gets SIGINT
//   SIGHUP, SIGUSR1, -2  only handed on
// auraed is asked first and has STOP_MS to stop its workloads. It ends the machine itself by reboot(2), or ends with
// EXIT_POWER_OFF or EXIT_RESTART, and this program does it: SIGTERM to all, SIGKILL to all, sync, reboot(2). Once the
// end of the machine was asked for, any other end of auraed leads there as well. src/init/protocol.ts has the same
// numbers, and the name.

#include "freestanding.h"
#include "memory.h"
#include "preload_modules.h"
#include "vsock.h"

#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/reboot.h>
#include <linux/time_types.h>
#include <linux/wait.h>

enum {
	EXIT_POWER_OFF = 80,
	EXIT_RESTART = 81,

	FIRST_DELAY_MS = 100,	// before the first restart; doubles with each
	LAST_DELAY_MS = 5000,	// up to this
	STEADY_MS = 10000,	// a life this long makes the next delay the first again
	STOP_MS = 90000,	// for auraed, from the signal to its end
	TERM_MS = 5000,		// for what is left, after SIGTERM
	KILL_MS = 2000,		// for what is left, after SIGKILL
	CONSOLE_MS = 2000,	// for a virtio console, once its driver is there
	CONSOLE_PAUSE_MS = 5,	// between looks for it

	LINE_BYTES = 256,
	COMMAND_LINE_BYTES = 4096,	// COMMAND_LINE_SIZE is 2048 on x86
	MAX_ARGUMENTS = 32,
};

static const char auraed_path[] = "/bin/auraed";

// /proc/1/comm: auraed believes "--pid1" only where PID 1 has this name.
static const char own_name[] = "aurae-init";

static long now_ms(void)
{
	struct __kernel_timespec now = { 0, 0 };

	CALL(clock_gettime, 7 /* CLOCK_BOOTTIME */, &now, 0, 0, 0);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ------------------------------------------------------------------------------------------------- messages

struct line {
	int length;
	char bytes[LINE_BYTES];
};

static void put_char(struct line *line, char c)
{
	if (line->length < LINE_BYTES - 1)	// room for the newline, always
		line->bytes[line->length++] = c;
}

static void put(struct line *line, const char *text)
{
	while (*text)
		put_char(line, *text++);
}

static void put_number(struct line *line, long number)
{
	char digits[20];
	int length = 0;

	if (number < 0) {
		put_char(line, '-');
		number = -number;
	}
	do
		digits[length++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (length > 0)
		put_char(line, digits[--length]);
}

static struct line line_start(const char *text)
{
	struct line line = { .length = 0 };

	put(&line, "init: ");
	put(&line, text);
	return line;
}

static void line_end(struct line *line)
{
	line->bytes[line->length++] = '\n';
	CALL(write, 2, line->bytes, line->length, 0, 0);
}

static void say(const char *text)
{
	struct line line = line_start(text);

	line_end(&line);
}

static void complain(const char *what, const char *object, long result)
{
	struct line line = line_start(what);

	put_char(&line, ' ');
	put(&line, object);
	put(&line, ": errno ");
	put_number(&line, -result);
	line_end(&line);
}

// ------------------------------------------------------------------------------------------- the first mounts

static void mount_kernel_fs(const char *type, const char *path, unsigned long flags)
{
	long result;

	CALL(mkdir, path, 0755, 0, 0, 0);
	result = CALL(mount, type, path, type, flags, 0);
	if (result < 0 && result != -EBUSY)	// EBUSY: it is mounted there already
		complain("mount", path, result);
}

// The console is there once its driver has found its device, which virtio's does in the background. Meanwhile there is
// none (ENODEV), or one that can't be opened yet (EINVAL).
static long wait_for_console(void)
{
	long until = now_ms() + CONSOLE_MS;

	for (;;) {
		struct __kernel_timespec pause = { 0, CONSOLE_PAUSE_MS * 1000000L };
		long fd = CALL(open, "/dev/console", O_RDWR | O_NOCTTY, 0, 0, 0);

		if (fd >= 0 || now_ms() >= until)
			return fd;
		CALL(nanosleep, &pause, 0, 0, 0, 0);
	}
}

// Standard input and output are the console, or nothing; never closed, or a later open would become one of them.
static void open_console(int is_virtio)
{
	long fd;

	if (is_virtio)
		preload_modules(console_module);
	fd = is_virtio ? wait_for_console() : CALL(open, "/dev/console", O_RDWR | O_NOCTTY, 0, 0, 0);
	if (fd < 0)
		fd = CALL(open, "/dev/null", O_RDWR, 0, 0, 0);
	if (fd < 0)
		return;
	for (int to = 0; to <= 2; to++)
		if (fd != to)
			CALL(dup2, fd, to, 0, 0, 0);
	if (fd > 2)
		CALL(close, fd, 0, 0, 0, 0);
}

// ---------------------------------------------------------------------------------------- the kernel's command line

static char command_line[COMMAND_LINE_BYTES];
static char *auraed_argv[MAX_ARGUMENTS + 3] = { "auraed", "--pid1" };
static char *auraed_envp[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root",
	"TERM=linux",
	0,
};

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int starts_with(const char *text, const char *start)
{
	while (*start && *text == *start) {
		text++;
		start++;
	}
	return *start == 0;
}

struct wishes {
	int exec;		// auraed is to be PID 1 itself
	int virtio_console;	// the console is virtio's, whose driver is a module
};

// Reads the command line, and collects auraed's arguments.
static struct wishes read_command_line(void)
{
	struct wishes wishes = { 0, 0 };
	long fd = CALL(open, "/proc/cmdline", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long length = fd < 0 ? fd : CALL(read, fd, command_line, COMMAND_LINE_BYTES - 1, 0, 0);
	int ours = 0, count = 2;

	if (fd >= 0)
		CALL(close, fd, 0, 0, 0, 0);
	if (length < 0) {
		complain("read", "/proc/cmdline", length);
		return wishes;
	}
	for (char *at = command_line; *at;) {
		char *word = at;

		while (*at && *at != ' ' && *at != '\n')
			at++;
		if (*at)
			*at++ = 0;
		if (*word == 0)
			continue;
		if (ours && count < MAX_ARGUMENTS + 2)
			auraed_argv[count++] = word;
		else if (equal(word, "--"))
			ours = 1;
		else if (equal(word, "aurae.init=exec"))
			wishes.exec = 1;
		else if (starts_with(word, "console="))
			wishes.virtio_console = starts_with(word, "console=hvc");	// the last one is /dev/console
	}
	auraed_argv[count] = 0;
	return wishes;
}

// ------------------------------------------------------------------------------------------------ the one program

// Becomes auraed, with no signal blocked: Bun keeps the mask it is started with. Comes back only on failure.
static long become_auraed(void)
{
	unsigned long none = 0, all = ~0UL;
	long result;

	CALL(rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none), 0);
	result = CALL(execve, auraed_path, auraed_argv, auraed_envp, 0, 0);
	CALL(rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all), 0);
	complain("exec", auraed_path, result);
	return result;
}

enum end { NO_END, POWER_OFF, RESTART };

struct machine {
	long pid;		// auraed's; 0: it is not running
	long started_ms;
	long start_ms;		// when it is to be started, while it is not running
	long delay_ms;
	long helper_pid;	// of what loads modules, and is the relay then
	long helper_start_ms;	// when it is to be started again, while it is not running; 0: never
	enum end end;		// what was asked for
	long kill_ms;		// when auraed's time to stop is over, once an end was asked for
};

static void start(struct machine *machine)
{
	long pid = CALL(fork, 0, 0, 0, 0, 0);

	if (pid == 0) {
		CALL(setsid, 0, 0, 0, 0, 0);
		become_auraed();
		for (;;)
			CALL(exit, 127, 0, 0, 0, 0);
	}
	machine->started_ms = now_ms();
	if (pid < 0) {
		complain("fork for", auraed_path, pid);
		machine->start_ms = machine->started_ms + LAST_DELAY_MS;
		return;
	}
	machine->pid = pid;
}

// Another process: it loads the modules beside the start of auraed, and becomes the relay where there is vsock.
static void start_helper(struct machine *machine)
{
	long pid = CALL(fork, 0, 0, 0, 0, 0);

	if (pid == 0) {
		long listener;

		preload_modules(0);
		listener = has_vsock() ? listen_on_vsock() : 0;
		if (listener < 0)
			complain("listen on", "vsock", listener);
		else if (listener > 0)
			complain("exec", relay_path, become_relay(listener));
		for (;;)
			CALL(exit_group, listener == 0 ? 0 : 1, 0, 0, 0, 0);
	}
	machine->helper_pid = pid < 0 ? 0 : pid;
	machine->helper_start_ms = 0;
}

// Ended without a fault, it had no vsock to relay.
static void note_helper_death(struct machine *machine, int status)
{
	machine->helper_pid = 0;
	if (status != 0)
		machine->helper_start_ms = now_ms() + LAST_DELAY_MS;
}

static void note_death(struct machine *machine, int status)
{
	long now = now_ms(), life = now - machine->started_ms;
	int signal = status & 0x7f, code = status >> 8 & 0xff;
	struct line line = line_start("auraed (pid ");

	put_number(&line, machine->pid);
	put(&line, signal ? ") was killed by signal " : ") ended with code ");
	put_number(&line, signal ? signal : code);
	put(&line, " after ");
	put_number(&line, life);
	put(&line, " ms");
	machine->pid = 0;

	if (!signal && code == EXIT_POWER_OFF)
		machine->end = POWER_OFF;
	else if (!signal && code == EXIT_RESTART)
		machine->end = RESTART;
	if (machine->end == NO_END) {
		if (life >= STEADY_MS)
			machine->delay_ms = FIRST_DELAY_MS;
		machine->start_ms = now + machine->delay_ms;
		put(&line, "; starting it again in ");
		put_number(&line, machine->delay_ms);
		put(&line, " ms");
		machine->delay_ms *= 2;
		if (machine->delay_ms > LAST_DELAY_MS)
			machine->delay_ms = LAST_DELAY_MS;
	}
	line_end(&line);
}

// Waits for every child that has ended. Answers whether any is left.
static int reap(struct machine *machine)
{
	for (;;) {
		int status = 0;
		long pid = CALL(wait4, -1, &status, WNOHANG, 0, 0);

		if (pid == -EINTR)
			continue;
		if (pid <= 0)
			return pid == 0;
		if (pid == machine->pid)
			note_death(machine, status);
		else if (pid == machine->helper_pid)
			note_helper_death(machine, status);
	}
}

// The next signal, or 0 after the time. A negative time: however long it takes.
static int next_signal(long timeout_ms)
{
	unsigned long all = ~0UL;
	struct __kernel_timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
	long signal = CALL(rt_sigtimedwait, &all, 0, timeout_ms < 0 ? 0 : &timeout, sizeof(all), 0);

	return signal > 0 ? (int)signal : 0;
}

static void hand_on(struct machine *machine, int signal)
{
	if (machine->pid > 0)
		CALL(kill, machine->pid, signal, 0, 0, 0);
}

static void ask_for_end(struct machine *machine, enum end end, int signal)
{
	if (machine->end == NO_END)
		machine->kill_ms = now_ms() + STOP_MS;
	machine->end = end;
	hand_on(machine, signal);
}

static void take_signal(struct machine *machine, int signal)
{
	switch (signal) {
	case SIGTERM:
	case SIGPWR:	// never handed on as it is: JavaScriptCore stops its threads with it
		ask_for_end(machine, POWER_OFF, SIGTERM);
		break;
	case SIGINT:
		ask_for_end(machine, RESTART, SIGINT);
		break;
	case SIGHUP:
	case SIGUSR1:
	case SIGUSR2:
		hand_on(machine, signal);
		break;
	}
}

// ------------------------------------------------------------------------------------------------ the machine's end

// Everything that is not a kernel thread is our descendant, so no child left means nothing left.
static void signal_all(struct machine *machine, int signal, long timeout_ms)
{
	long until = now_ms() + timeout_ms;

	CALL(kill, -1, signal, 0, 0, 0);
	while (reap(machine)) {
		long left = until - now_ms();

		if (left <= 0)
			break;
		next_signal(left);
	}
}

static void end_machine(struct machine *machine)
{
	int restart = machine->end == RESTART;
	long result;

	signal_all(machine, SIGTERM, TERM_MS);
	signal_all(machine, SIGKILL, KILL_MS);
	CALL(sync, 0, 0, 0, 0, 0);
	say(restart ? "restarting the machine" : "powering the machine off");
	result = CALL(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		      restart ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_POWER_OFF, 0, 0);
	complain("reboot", restart ? "restart" : "power off", result);
}

// ------------------------------------------------------------------------------------------------------------ PID 1

// How long to wait for a signal: to the next thing that is due, or for ever.
static long time_to_wait(const struct machine *machine)
{
	long due = machine->helper_start_ms, left;

	if (machine->pid <= 0 || machine->end != NO_END) {
		long next = machine->pid > 0 ? machine->kill_ms : machine->start_ms;

		due = due == 0 || next < due ? next : due;
	} else if (due == 0) {
		return -1;
	}
	left = due - now_ms();
	return left > 0 ? left : 0;
}

__attribute__((noreturn)) static void supervise(void)
{
	struct machine machine = { .delay_ms = FIRST_DELAY_MS };

	start_helper(&machine);
	for (;;) {
		reap(&machine);
		if (machine.helper_start_ms != 0 && machine.helper_start_ms <= now_ms() && machine.end == NO_END)
			start_helper(&machine);
		if (machine.pid == 0 && machine.end != NO_END) {
			end_machine(&machine);
			machine.end = NO_END;	// reboot(2) refused: the best that is left is to go on
			machine.start_ms = now_ms() + LAST_DELAY_MS;
		} else if (machine.pid == 0 && machine.start_ms <= now_ms()) {
			start(&machine);
		} else if (machine.pid > 0 && machine.end != NO_END && machine.kill_ms <= now_ms()) {
			say("auraed did not stop in its time");
			hand_on(&machine, SIGKILL);
			machine.kill_ms = now_ms() + STOP_MS;
		}
		take_signal(&machine, next_signal(time_to_wait(&machine)));
	}
}

__attribute__((noreturn, used)) static void init_main(void)
{
	unsigned long all = ~0UL;
	struct wishes wishes;

	if (CALL(getpid, 0, 0, 0, 0, 0) != 1) {
		say("this program is for PID 1 of a machine only");
		for (;;)
			CALL(exit_group, 2, 0, 0, 0, 0);
	}
	CALL(rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all), 0);
	CALL(prctl, PR_SET_NAME, own_name, 0, 0, 0);
	mount_kernel_fs("proc", "/proc", MS_NODEV | MS_NOEXEC | MS_NOSUID);
	mount_kernel_fs("sysfs", "/sys", MS_NODEV | MS_NOEXEC | MS_NOSUID);
	mount_kernel_fs("devtmpfs", "/dev", MS_NOSUID);
	wishes = read_command_line();
	open_console(wishes.virtio_console);
	// Ctrl-alt-del comes as SIGINT to PID 1, instead of a restart on the spot. EINVAL in a pid namespace.
	CALL(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, 0, 0);
	if (wishes.exec) {
		struct machine none = { 0 };

		start_helper(&none);	// nobody starts it again: auraed is PID 1
		become_auraed();
	}
	supervise();
}

START(init_main);
