/** The virtio memory balloon (linux/virtio_balloon.h). */
import { layout } from "./layout.ts";

export const VIRTIO_BALLOON_F_STATS_VQ = 1;
export const VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 2;
export const VIRTIO_BALLOON_F_REPORTING = 5;
export const VIRTIO_BALLOON_PFN_SHIFT = 12;

export const VIRTIO_BALLOON_S_SWAP_IN = 0;
export const VIRTIO_BALLOON_S_SWAP_OUT = 1;
export const VIRTIO_BALLOON_S_MAJFLT = 2;
export const VIRTIO_BALLOON_S_MINFLT = 3;
export const VIRTIO_BALLOON_S_MEMFREE = 4;
export const VIRTIO_BALLOON_S_MEMTOT = 5;
export const VIRTIO_BALLOON_S_AVAIL = 6;
export const VIRTIO_BALLOON_S_CACHES = 7;
export const VIRTIO_BALLOON_S_HTLB_PGALLOC = 8;
export const VIRTIO_BALLOON_S_HTLB_PGFAIL = 9;

/** The bytes of `struct virtio_balloon_stat`: a u16 tag and a u64 value, packed. */
export const BALLOON_STAT_BYTES = 10;

/** `struct virtio_balloon_config` */
export const BALLOON_CONFIG = layout({
  num_pages: "u32",
  actual: "u32",
  free_page_hint_cmd_id: "u32",
  poison_val: "u32",
});
