// The host's end of the guest's network: a TAP device, and the peer of guest.c's use_network.

#include "host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 16 };

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5001)};

	inet_pton(AF_INET, text, &address.sin_addr);
	return address;
}

int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	struct sockaddr_in own = address_of("10.99.0.1");
	struct sockaddr_in mask = address_of("255.255.255.0");
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	require(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0, "TAP device");
	memcpy(&request.ifr_addr, &own, sizeof(own));
	require(ioctl(any, SIOCSIFADDR, &request) == 0, "address of the TAP device");
	memcpy(&request.ifr_netmask, &mask, sizeof(mask));
	require(ioctl(any, SIOCSIFNETMASK, &request) == 0, "netmask of the TAP device");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	require(ioctl(any, SIOCSIFFLAGS, &request) == 0, "TAP device up");
	close(any);
	return fd;
}

// The peer of the guest's use_network.
static void serve(int listener)
{
	static char buffer[CHUNK_BYTES];
	int peer = accept(listener, 0, 0);

	for (long received = 0; received < NET_BYTES;) {
		ssize_t got = recv(peer, buffer, CHUNK_BYTES, 0);
		if (got <= 0)
			_exit(1);
		received += got;
	}
	send(peer, buffer, 1, 0);
	recv(peer, buffer, 1, 0);
	for (long sent = 0; sent < NET_BYTES; sent += CHUNK_BYTES)
		send(peer, buffer, CHUNK_BYTES, 0);
	// Until the guest has all of it.
	recv(peer, buffer, 1, 0);
	_exit(0);
}

pid_t start_server(void)
{
	struct sockaddr_in own = address_of("10.99.0.1");
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	require(bind(listener, (struct sockaddr *)&own, sizeof(own)) == 0, "bind");
	require(listen(listener, 1) == 0, "listen");
	pid_t server = fork();
	require(server >= 0, "fork");
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(listener);
	}
	close(listener);
	return server;
}
