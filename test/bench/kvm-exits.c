// The peer of kvm.bench.ts: the same guest, and the loop around KVM_RUN that a monitor in C has. Prints nanoseconds an
// exit. Its words: a number of exits, and "port" or "mmio".

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

static void require(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

// What a bus does at least, so that the compiler can't leave the access out.
static volatile unsigned long sum;

static void access_bus(unsigned long address, const unsigned char *data)
{
	sum += address + data[0];
}

int main(int argc, char **argv)
{
	static const unsigned char port_code[] = {0xe6, 0x80, 0xeb, 0xfc};
	static const unsigned char mmio_code[] = {0xa2, 0x00, 0x00, 0xeb, 0xfb};
	long exits = argc > 2 ? atol(argv[1]) : 0;
	int is_mmio = argc > 2 && strcmp(argv[2], "mmio") == 0;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	require(kvm >= 0 && exits > 0, "/dev/kvm");
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	require(vm >= 0, "KVM_CREATE_VM");
	unsigned char *memory =
		mmap(0, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(memory != MAP_FAILED, "mmap");
	memcpy(memory + 0x1000, is_mmio ? mmio_code : port_code,
	       is_mmio ? sizeof(mmio_code) : sizeof(port_code));
	struct kvm_userspace_memory_region region = {
		.memory_size = 0x10000, .userspace_addr = (unsigned long)memory};
	require(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0, "memory");
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	require(vcpu >= 0, "KVM_CREATE_VCPU");
	struct kvm_run *run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	require(run != MAP_FAILED, "mmap");
	struct kvm_sregs sregs;
	require(ioctl(vcpu, KVM_GET_SREGS, &sregs) == 0, "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.ds.base = is_mmio ? 0x10000 : 0;
	require(ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0, "KVM_SET_SREGS");
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	require(ioctl(vcpu, KVM_SET_REGS, &regs) == 0, "KVM_SET_REGS");
	double start = 0;
	// The first tenth is for warming up.
	for (long i = -exits / 10; i < exits; i++) {
		if (i == 0)
			start = now();
		require(ioctl(vcpu, KVM_RUN, 0) == 0, "KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			access_bus(run->io.port, (unsigned char *)run + run->io.data_offset);
			break;
		case KVM_EXIT_MMIO:
			access_bus(run->mmio.phys_addr, run->mmio.data);
			break;
		default:
			fprintf(stderr, "exit %u\n", run->exit_reason);
			return 1;
		}
	}
	printf("%f\n", (now() - start) / exits);
	return 0;
}
