// Takes plans, with their descriptors, from the daemon; and sends what goes back. unix(7), cmsg(3).

#include "launcher.h"

#include <asm/unistd.h>
#include <linux/mman.h>

#include "system_calls.h"

enum { BUFFER_BYTES = 64 * 1024 };	// a longer plan gets memory of its own

// Whoever is made by a plan reads it until it execs, and the next plan may come before. The one after that does not.
static struct buffer {
	char bytes[BUFFER_BYTES] __attribute__((aligned(16)));
	// Memory of a plan that does not fit, and its length.
	long large_plan;
	unsigned long large_bytes;
} buffers[AU_REPORTS];
static unsigned next;

struct received {
	au_s32 fds[AU_MAX_SENT];
	int count;
};

static void take_descriptors(struct au_message *message, struct received *received)
{
	struct au_control *control = message->control;

	if (message->control_length < sizeof(*control) || control->type != AU_RIGHTS)
		return;
	received->count = (int)((control->length - sizeof(*control)) / sizeof(au_s32));
	for (int i = 0; i < received->count && i < AU_MAX_SENT; i++)
		received->fds[i] = control->fds[i];
}

static void receive_all(char *to, unsigned long length)
{
	while (length > 0) {
		long count = SYS4(__NR_recvfrom, SOCKET, to, length, 0);

		if (count <= 0)
			end(0);
		to += count;
		length -= (unsigned long)count;
	}
}

// The next plan; the first piece of it brings all its descriptors.
static struct au_launch_plan *receive(struct buffer *buffer, struct received *received)
{
	struct { struct au_control head; au_s32 fds[AU_MAX_SENT]; } control;
	struct au_part part = { buffer->bytes, BUFFER_BYTES };
	struct au_message message = { .parts = &part, .part_count = 1, .control = &control.head,
				      .control_length = sizeof(control) };
	struct au_launch_plan *plan = (struct au_launch_plan *)buffer->bytes;
	long count = SYS3(__NR_recvmsg, SOCKET, &message, AU_CLOEXEC);

	// Whoever was made by the plan that was here has no more use for it.
	if (buffer->large_plan)
		SYS2(__NR_munmap, buffer->large_plan, buffer->large_bytes);
	buffer->large_plan = 0;
	// The daemon is gone; or what it says is not for this launcher.
	if (count <= 0 || (message.flags & AU_CONTROL_TRUNCATED))
		end(0);
	received->count = 0;
	take_descriptors(&message, received);
	if ((unsigned long)count < sizeof(plan->length)) {
		receive_all(buffer->bytes + count, sizeof(plan->length) - (unsigned long)count);
		count = sizeof(plan->length);
	}
	if (plan->length > BUFFER_BYTES) {
		long memory = SYS6(__NR_mmap, 0, plan->length, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory < 0)
			end(1);
		buffer->large_plan = memory;
		buffer->large_bytes = plan->length;
		for (long i = 0; i < count; i++)
			((char *)memory)[i] = buffer->bytes[i];
		plan = (struct au_launch_plan *)memory;
	}
	receive_all((char *)plan + count, plan->length - (unsigned long)count);
	return plan;
}

// ------------------------------------------------------------------------------------------------ places to addresses

static void relocate(au_u64 *place, const void *base)
{
	if (*place)
		*place += (au_u64)base;
}

static void relocate_strings(au_u64 *place, const void *base)
{
	relocate(place, base);
	for (au_u64 *one = (au_u64 *)*place; one && *one; one++)
		relocate(one, base);
}

static void relocate_root(struct au_launch_plan *plan)
{
	struct au_root *root;
	struct au_root_mount *mounts;

	relocate(&plan->root, plan);
	root = (struct au_root *)plan->root;
	if (!root)
		return;
	relocate(&root->size, plan);
	relocate_strings(&root->directories, plan);
	relocate(&root->mounts, plan);
	relocate(&root->proc, plan);
	relocate_strings(&root->hidden, plan);
	mounts = (struct au_root_mount *)root->mounts;
	for (au_u64 i = 0; i < root->mount_count; i++) {
		relocate(&mounts[i].source, plan);
		relocate(&mounts[i].target, plan);
	}
}

static void settle(au_s32 *place, const struct received *received)
{
	*place = *place >= 0 && *place < received->count ? received->fds[*place] : -1;
}

// After this the plan holds addresses and descriptors of this process.
static void adapt(struct au_launch_plan *plan, const struct received *received)
{
	struct au_descriptor *descriptors;

	relocate_strings(&plan->paths, plan);
	relocate_strings(&plan->argv, plan);
	relocate_strings(&plan->envp, plan);
	relocate(&plan->cwd, plan);
	relocate(&plan->hostname, plan);
	relocate(&plan->rlimits, plan);
	relocate(&plan->groups, plan);
	relocate(&plan->filter, plan);
	relocate(&plan->descriptors, plan);
	relocate_root(plan);
	settle(&plan->cgroup, received);
	settle(&plan->join_pidfd, received);
	settle(&plan->own_pid_namespace, received);
	settle(&plan->program, received);
	for (int i = 0; i < 3; i++)
		settle(&plan->stdio[i], received);
	settle(&plan->status, received);
	descriptors = (struct au_descriptor *)plan->descriptors;
	for (au_u32 i = 0; i < plan->descriptor_count; i++)
		settle(&descriptors[i].from, received);
}

struct au_launch_plan *receive_plan(void)
{
	struct received received;
	struct au_launch_plan *plan = receive(&buffers[next++ % AU_REPORTS], &received);

	adapt(plan, &received);
	if (plan->join_plan)
		plan->join_pidfd = PREVIOUS;
	return plan;
}

// -------------------------------------------------------------------------------------------------------------- send

int send_to(int socket, const void *bytes, unsigned long length, const int *fds, int count)
{
	struct { struct au_control head; au_s32 fds[AU_MAX_RETURNED]; } control;
	struct au_part part = { (void *)bytes, length };
	struct au_message message = { .parts = &part, .part_count = 1 };

	if (count > 0) {
		control.head = (struct au_control){ .length = sizeof(control.head) + (unsigned long)count * sizeof(au_s32),
						    .level = SOL_SOCKET, .type = AU_RIGHTS };
		for (int i = 0; i < count; i++)
			control.fds[i] = fds[i];
		message.control = &control.head;
		message.control_length = (control.head.length + 7) & ~7ul;
	}
	return SYS3(__NR_sendmsg, socket, &message, AU_NO_SIGNAL) == (long)length;
}
