/** Being connected to a port of a virtual machine: what the caller types goes in while what the guest prints comes back. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { badField } from "../../base/errors.ts";
import { Channel } from "../../base/channel.ts";
import type { VmPort } from "../../domain/vms/vm-port.ts";
import type { Vms } from "../../domain/vms/vms.ts";
import { VmPort as PortType } from "../../gen/aurae/vms/v0/machines_pb.ts";
import type {
  VmServiceAttachRequest,
  VmServiceAttachResponseSchema,
} from "../../gen/aurae/vms/v0/vms_pb.ts";
import { closeOnAbort, firstOf, LiveOutput } from "../two-way.ts";
import { endToProto } from "./convert.ts";

/** How many pieces of output may wait for a caller. The guest never does. */
const MAX_WAITING_CHUNKS = 64;

type Answer = MessageInitShape<typeof VmServiceAttachResponseSchema>;
type Requests = AsyncIterator<VmServiceAttachRequest>;

/** Hands on what the caller sends. Resolves when the caller has sent all. */
async function take(requests: Requests, port: VmPort, signal: AbortSignal): Promise<void> {
  for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
    const { message } = next.value;
    switch (message.case) {
      case "input":
        await port.type(message.value, signal);
        break;
      case "resize":
        await port.resize(message.value.columns, message.value.rows);
        break;
      default:
        throw badField("message", "not expected here");
    }
  }
}

/** @throws {AuraeError} not_found, failed_precondition, invalid_argument */
export async function* attach(
  vms: Vms,
  requests: Requests,
  { signal }: HandlerContext,
): AsyncGenerator<Answer> {
  const { value: start } = await firstOf(requests);
  const name = start.port === PortType.SERIAL ? "serial" : "console";
  const { vm, port } = vms.attach(start.vmId, name);
  const answers = new Channel<Answer>(MAX_WAITING_CHUNKS);
  using _closing = closeOnAbort(answers, signal);
  // GetSubProcessStream has what is missed here, too.
  const output = new LiveOutput(answers);
  using _tap = port.tap((value) => {
    output.offer({ message: { case: "output", value } }, value.length);
  });
  yield { message: { case: "attached", value: {} } };
  take(requests, port, signal).catch((error: unknown) => {
    // A guest that has ended takes nothing any more; how it did is the last answer.
    if (port.isOpen) {
      answers.close(error);
    }
  });
  vm.wait(signal)
    .then(async (ending) => {
      await output.pushMissed();
      await answers.push({ message: { case: "end", value: endToProto(ending) } });
      answers.close();
    })
    .catch((error: unknown) => answers.close(error));
  yield* answers;
}
