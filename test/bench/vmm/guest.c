// /init of the guest that vmm.bench.ts boots. It marks its first instruction by a byte to the serial port, by no driver,
// and then reads the disk and talks to the host over TCP, with a byte before and after each. What a byte means is in
// marks.ts; the time at which one arrives is the host's to take. DISK_BYTES, RANDOM_READS and NET_BYTES come from there.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum {
	PORT = 0x3f8,
	LINE_STATUS = PORT + 5,
	CAN_WRITE = 0x20,
	SEQUENTIAL_BYTES = 1 << 20,
	RANDOM_BYTES = 4096,
	CHUNK_BYTES = 1 << 16,
	SETTLE_SECONDS = 2, // while the host looks at the monitor's memory
};

// ioperm(PORT, 8, 1) and out, before anything of the C library.
asm(".globl first_instruction\n"
    "first_instruction:\n"
    "	mov $173, %eax\n"
    "	mov $0x3f8, %edi\n"
    "	mov $8, %esi\n"
    "	mov $1, %edx\n"
    "	syscall\n"
    "	mov $0x3f8, %edx\n"
    "	mov $'U', %al\n"
    "	out %al, %dx\n"
    "	xor %edx, %edx\n"
    "	jmp _start\n");

static void mark(char byte)
{
	while (!(inb(LINE_STATUS) & CAN_WRITE))
		;
	outb(byte, PORT);
}

static void require(int ok, const char *what)
{
	char line[200];

	if (ok)
		return;
	snprintf(line, sizeof(line), "!%s: %s\n", what, strerror(errno));
	for (const char *at = line; *at != 0; at++)
		mark(*at);
	for (;;)
		pause();
}

// The files of /m, which are named so that their order is the one in which they load.
static void load_modules(void)
{
	struct dirent **entries;
	int count = scandir("/m", &entries, 0, alphasort);

	require(count >= 0, "/m");
	for (int i = 0; i < count; i++) {
		char path[300];
		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/m/%s", entries[i]->d_name);
		int fd = open(path, O_RDONLY);
		require(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0, path);
		close(fd);
	}
}

static uint64_t random_state = 88172645463325252;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

// Past the guest's own page cache.
static void read_disk(void)
{
	char *buffer = aligned_alloc(RANDOM_BYTES, SEQUENTIAL_BYTES);
	int disk = open("/dev/vda", O_RDONLY | O_DIRECT);

	require(disk >= 0, "/dev/vda");
	memset(buffer, 0, SEQUENTIAL_BYTES);
	mark('R');
	for (off_t at = 0; at < DISK_BYTES; at += SEQUENTIAL_BYTES)
		require(pread(disk, buffer, SEQUENTIAL_BYTES, at) == SEQUENTIAL_BYTES, "read");
	mark('r');
	mark('Q');
	for (int i = 0; i < RANDOM_READS; i++) {
		off_t at = next_random() % (DISK_BYTES / RANDOM_BYTES) * RANDOM_BYTES;
		require(pread(disk, buffer, RANDOM_BYTES, at) == RANDOM_BYTES, "read");
	}
	mark('q');
	close(disk);
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5001)};

	inet_pton(AF_INET, text, &address.sin_addr);
	return address;
}

static int connect_to_host(void)
{
	struct ifreq request = {.ifr_name = "eth0"};
	struct sockaddr_in own = address_of("10.99.0.2");
	struct sockaddr_in mask = address_of("255.255.255.0");
	struct sockaddr_in host = address_of("10.99.0.1");
	int peer = socket(AF_INET, SOCK_STREAM, 0);

	memcpy(&request.ifr_addr, &own, sizeof(own));
	require(ioctl(peer, SIOCSIFADDR, &request) == 0, "address of eth0");
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	require(ioctl(peer, SIOCSIFNETMASK, &request) == 0, "netmask of eth0");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	require(ioctl(peer, SIOCSIFFLAGS, &request) == 0, "eth0 up");
	require(connect(peer, (struct sockaddr *)&host, sizeof(host)) == 0, "connect");
	return peer;
}

static void use_network(void)
{
	static char buffer[CHUNK_BYTES];
	int peer = connect_to_host();

	mark('T');
	for (long sent = 0; sent < NET_BYTES; sent += CHUNK_BYTES)
		require(send(peer, buffer, CHUNK_BYTES, 0) == CHUNK_BYTES, "send");
	require(recv(peer, buffer, 1, 0) == 1, "receive the answer");
	mark('t');
	mark('V');
	require(send(peer, buffer, 1, 0) == 1, "send");
	for (long received = 0; received < NET_BYTES;) {
		ssize_t got = recv(peer, buffer, CHUNK_BYTES, 0);
		require(got > 0, "receive");
		received += got;
	}
	mark('v');
	close(peer);
}

// Marks and nothing else, so that one comes as soon as it runs again. By the kernel's driver, and not by this program's own
// permission for ports: QEMU's emulation of AMD's virtualisation loses that over a snapshot.
static void loop(void)
{
	int serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY);

	require(serial >= 0, "/dev/ttyS0");
	for (;;) {
		require(write(serial, "L", 1) == 1, "write");
		tcdrain(serial);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "loop") == 0)
		loop();
	sleep(SETTLE_SECONDS);
	mkdir("/dev", 0755);
	require(mount("dev", "/dev", "devtmpfs", 0, 0) == 0, "/dev");
	load_modules();
	read_disk();
	use_network();
	mark('.');
	for (;;)
		pause();
}
