/** The header of every packet of the socket device (virtio 1.2, 5.10.6), little-endian and packed. */
import { VSOCK_HDR, VSOCK_HDR_BYTES } from "../../kernel/abi/virtio-vsock.ts";
import { copyFrom, copyTo, type Segments } from "./segments.ts";

export interface VsockHeader {
  readonly sourceCid: bigint;
  readonly destinationCid: bigint;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes of payload that follow. */
  readonly length: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  /** The sender's credit: what it has room for in all, and what it has taken out, modulo 2^32. */
  readonly bufferBytes: number;
  readonly forwardedBytes: number;
}

const bytes = new Uint8Array(VSOCK_HDR_BYTES);
const view = new DataView(bytes.buffer);

/** The header at the beginning of a packet, unless it is cut. */
export function readVsockHeader(segments: Segments): VsockHeader | undefined {
  if (copyFrom(segments, 0, bytes) < VSOCK_HDR_BYTES) {
    return undefined;
  }
  return {
    sourceCid: VSOCK_HDR.read(view, "src_cid"),
    destinationCid: VSOCK_HDR.read(view, "dst_cid"),
    sourcePort: VSOCK_HDR.read(view, "src_port"),
    destinationPort: VSOCK_HDR.read(view, "dst_port"),
    length: VSOCK_HDR.read(view, "len"),
    type: VSOCK_HDR.read(view, "type"),
    op: VSOCK_HDR.read(view, "op"),
    flags: VSOCK_HDR.read(view, "flags"),
    bufferBytes: VSOCK_HDR.read(view, "buf_alloc"),
    forwardedBytes: VSOCK_HDR.read(view, "fwd_cnt"),
  };
}

export function writeVsockHeader(segments: Segments, header: VsockHeader): void {
  VSOCK_HDR.write(view, {
    src_cid: header.sourceCid,
    dst_cid: header.destinationCid,
    src_port: header.sourcePort,
    dst_port: header.destinationPort,
    len: header.length,
    type: header.type,
    op: header.op,
    flags: header.flags,
    buf_alloc: header.bufferBytes,
    fwd_cnt: header.forwardedBytes,
  });
  copyTo(segments, 0, bytes);
}
