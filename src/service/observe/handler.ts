/** ObserveService: not there yet. Each method says so by its name; none pretends. */
import type { ServiceImpl } from "@connectrpc/connect";
import { ObserveService } from "../../gen/aurae/observe/v0/observe_pb.ts";
import { unimplemented } from "../unimplemented.ts";

export function createObserveHandler(): ServiceImpl<typeof ObserveService> {
  const { method } = ObserveService;
  return {
    getAuraeDaemonLogStream() {
      throw unimplemented(method.getAuraeDaemonLogStream);
    },
    getSubProcessStream() {
      throw unimplemented(method.getSubProcessStream);
    },
    getPosixSignalsStream() {
      throw unimplemented(method.getPosixSignalsStream);
    },
  };
}
