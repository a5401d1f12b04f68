/** A message of the control protocol that is none. The text names the field and what it can be. */

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** Of the request that it was, where that much could be read: whoever sent it gets an answer. */
  readonly requestId: number | undefined;

  constructor(message: string, requestId?: number) {
    super(message);
    this.requestId = requestId;
  }
}
