/** Reads what a test's ImageLoading gives it, as a processor's thread does. */
import { type LoadWork, loadParts } from "../../src/vmm/machine/image-loading.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<LoadWork>) => loadParts(data);
