// Loads the image's kernel modules, in a process of its own beside the start of auraed, which takes as long again on
// another processor. Nothing but the console depends on it: auraed goes through the same list (src/init/module-steps.ts), passes over
// what is loaded, waits in the kernel for what is being loaded (finit_module(2)), and tells of what does not load.

#ifndef AU_PRELOAD_MODULES_H
#define AU_PRELOAD_MODULES_H

#include "freestanding.h"

#include <linux/fcntl.h>
#include <linux/utsname.h>

enum {
	MODULE_LIST_BYTES = 16384,
	MODULE_PATH_BYTES = 512,
};

struct module_path {
	int length;
	char bytes[MODULE_PATH_BYTES];
};

static char module_list[MODULE_LIST_BYTES];

// The last one that a console by virtio needs. initramfs/manifest.ts has it come early.
static const char console_module[] = "/virtio_console.ko";

// Answers whether all of it was put behind what is there, and its end.
static int append(struct module_path *path, const char *text)
{
	while (*text) {
		if (path->length == MODULE_PATH_BYTES - 1)
			return 0;
		path->bytes[path->length++] = *text++;
	}
	path->bytes[path->length] = 0;
	return 1;
}

// "/lib/modules/VERSION/", of the kernel that runs.
static int modules_home(struct module_path *home)
{
	struct new_utsname names;

	home->length = 0;
	return CALL(uname, &names, 0, 0, 0, 0) == 0 && append(home, "/lib/modules/") && append(home, names.release) &&
	       append(home, "/");
}

static long read_module_list(struct module_path path)
{
	long fd, length;

	if (!append(&path, "modules.load"))
		return -1;
	fd = CALL(open, path.bytes, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	length = CALL(read, fd, module_list, MODULE_LIST_BYTES - 1, 0, 0);
	CALL(close, fd, 0, 0, 0, 0);
	return length;
}

static void load_module(struct module_path path, const char *file)
{
	long fd;

	if (!append(&path, file))
		return;
	fd = CALL(open, path.bytes, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return;
	CALL(finit_module, fd, "", 0, 0, 0);
	CALL(close, fd, 0, 0, 0, 0);
}

static int ends_with(const char *text, const char *end)
{
	for (; *text; text++) {
		int length = 0;

		while (end[length] && text[length] == end[length])
			length++;
		if (!end[length] && !text[length])
			return 1;
	}
	return 0;
}

// Loads the modules up to this one, or all of them for 0. A list that is longer than its buffer ends early, in the middle
// of a name: auraed loads the rest.
static void preload_modules(const char *last)
{
	struct module_path home;

	long length;

	if (!modules_home(&home))
		return;
	length = read_module_list(home);
	if (length <= 0)
		return;
	module_list[length] = 0;
	for (char *at = module_list; *at;) {
		char *line = at;

		while (*at && *at != '\n')
			at++;
		if (*at)
			*at++ = 0;
		if (*line && *line != '#' && *line != '.')
			load_module(home, line);
		if (last && ends_with(line, last))
			return;
	}
}

#endif
