/** How the numbers of ioctl(2) requests are made up (asm-generic/ioctl.h): direction, size, type and number. */

const WRITE = 1;
const READ = 2;

function request(direction: number, type: number, number: number, bytes: number): number {
  // By multiplication: a shift would make the requests that read negative.
  return direction * 2 ** 30 + bytes * 2 ** 16 + type * 2 ** 8 + number;
}

/** A request whose argument is a number, or nothing. */
export function _IO(type: number, number: number): number {
  return request(0, type, number, 0);
}

/** A request that the kernel answers in memory of the caller's, of so many bytes. */
export function _IOR(type: number, number: number, bytes: number): number {
  return request(READ, type, number, bytes);
}

/** A request that the kernel reads from memory of the caller's. */
export function _IOW(type: number, number: number, bytes: number): number {
  return request(WRITE, type, number, bytes);
}

export function _IOWR(type: number, number: number, bytes: number): number {
  return request(READ | WRITE, type, number, bytes);
}
