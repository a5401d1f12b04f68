/** VmService: not there yet. Each method says so by its name; none pretends. */
import type { ServiceImpl } from "@connectrpc/connect";
import { VmService } from "../../gen/aurae/vms/v0/vms_pb.ts";
import { unimplemented } from "../unimplemented.ts";

export function createVmsHandler(): ServiceImpl<typeof VmService> {
  const { method } = VmService;
  return {
    allocate() {
      throw unimplemented(method.allocate);
    },
    free() {
      throw unimplemented(method.free);
    },
    start() {
      throw unimplemented(method.start);
    },
    stop() {
      throw unimplemented(method.stop);
    },
    list() {
      throw unimplemented(method.list);
    },
  };
}
