/** The virtio block device (linux/virtio_blk.h). */
import { layout } from "./layout.ts";

export const VIRTIO_BLK_F_SIZE_MAX = 1;
export const VIRTIO_BLK_F_SEG_MAX = 2;
export const VIRTIO_BLK_F_RO = 5;
export const VIRTIO_BLK_F_BLK_SIZE = 6;
export const VIRTIO_BLK_F_FLUSH = 9;
export const VIRTIO_BLK_F_DISCARD = 13;
export const VIRTIO_BLK_F_WRITE_ZEROES = 14;

export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;

export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

export const VIRTIO_BLK_ID_BYTES = 20;
export const VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;

/** `struct virtio_blk_outhdr` */
export const BLK_OUTHDR = layout({ type: "u32", ioprio: "u32", sector: "u64" });

/** `struct virtio_blk_discard_write_zeroes` */
export const BLK_RANGE = layout({ sector: "u64", num_sectors: "u32", flags: "u32" });

/** `struct virtio_blk_config`, up to the fields of secure erase; every field stands where C's alignment has it. */
export const BLK_CONFIG = layout({
  capacity: "u64",
  size_max: "u32",
  seg_max: "u32",
  geometry: "u32",
  blk_size: "u32",
  physical_block_exp: "u8",
  alignment_offset: "u8",
  min_io_size: "u16",
  opt_io_size: "u32",
  wce: "u8",
  unused: "u8",
  num_queues: "u16",
  max_discard_sectors: "u32",
  max_discard_seg: "u32",
  discard_sector_alignment: "u32",
  max_write_zeroes_sectors: "u32",
  max_write_zeroes_seg: "u32",
  write_zeroes_may_unmap: "u8",
});
