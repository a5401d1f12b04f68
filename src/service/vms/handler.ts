/** VmService: not there yet. Each method says so by its name; none pretends. */
import type { ServiceImpl } from "@connectrpc/connect";
import { VmService } from "../../gen/aurae/vms/v0/vms_pb.ts";
import { unimplemented } from "../unimplemented.ts";

export function createVmsHandler(): ServiceImpl<typeof VmService> {
  const { method } = VmService;
  return {
    allocate: unimplemented(method.allocate),
    free: unimplemented(method.free),
    start: unimplemented(method.start),
    stop: unimplemented(method.stop),
    list: unimplemented(method.list),
  };
}
