/**
 * The driver broke a rule of the specification in a way that leaves nothing sensible to do. It ends in the transport,
 * which stops the device and sets DEVICE_NEEDS_RESET (virtio 1.2, 2.1.2): a guest harms its own device, no more.
 */
export class VirtioFault extends Error {
  override readonly name = "VirtioFault";
}
