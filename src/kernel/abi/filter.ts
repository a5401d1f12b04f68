/** The classic BPF that seccomp(2) takes (linux/filter.h, linux/bpf_common.h). */
import { layout } from "./layout.ts";

/** `struct sock_filter` */
export const SOCK_FILTER = layout({ code: "u16", jt: "u8", jf: "u8", k: "u32" });

export const BPF_LD = 0x00;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_W = 0x00;
export const BPF_ABS = 0x20;
export const BPF_K = 0x00;
export const BPF_AND = 0x50;
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGE = 0x30;
