/** All that is fuzzed, by name. */
import { BUS_TARGET } from "./bus-target.ts";
import { PARSER_TARGETS } from "./parser-targets.ts";
import { fuzzRaces } from "./race-target.ts";
import { STATE_TARGETS } from "./state-targets.ts";
import type { FuzzTarget } from "./target.ts";
import { VIRTIO_TARGETS } from "./virtio-targets.ts";

export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  ...VIRTIO_TARGETS,
  race: { summary: "rings that another thread writes to meanwhile", run: fuzzRaces },
  ports: BUS_TARGET,
  ...PARSER_TARGETS,
  ...STATE_TARGETS,
};
