/**
 * Puts the policy in front of every method. A gate runs before a request's body is read, so what is refused costs
 * nothing, and it runs for all kinds of methods and all protocols alike.
 */
import type { HandlerContext } from "@connectrpc/connect";
import type { Policy } from "./policy.ts";
import { principalKey } from "./principal-key.ts";

/** @returns what throws an AuraeError of kind permission_denied for whoever may not call the method */
export function createGate(policy: Policy): (context: HandlerContext) => void {
  return (context) => {
    policy.authorize(
      context.values.get(principalKey),
      `${context.service.typeName}/${context.method.name}`,
    );
  };
}
