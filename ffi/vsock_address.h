// `struct sockaddr_vm`: linux/vm_sockets.h wants the C library's struct sockaddr.

#ifndef AU_VSOCK_ADDRESS_H
#define AU_VSOCK_ADDRESS_H

enum { VSOCK_FAMILY = 40 };

struct vsock_address {
	unsigned short family, reserved;
	unsigned int port, cid;
	unsigned char rest[4];
};

#endif
