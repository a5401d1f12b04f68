/** The virtio console (linux/virtio_console.h). */
import { layout } from "./layout.ts";

export const VIRTIO_CONSOLE_F_SIZE = 0;

/** `struct virtio_console_config` */
export const CONSOLE_CONFIG = layout({
  cols: "u16",
  rows: "u16",
  max_nr_ports: "u32",
  emerg_wr: "u32",
});
