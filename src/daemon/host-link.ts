/** What a guest's daemon does when its machine goes on from a snapshot: it becomes another one's, without a restart. */
import { messageOf } from "../base/errors.ts";
import type { GuestFile } from "../base/host-channel.ts";
import { log } from "../base/log.ts";
import { HostChannel } from "../init/host-channel.ts";
import { knownLife, takeCards, takeName, takeTime, writeFiles } from "../init/own-machine.ts";
import { reseedKernel, reseedLibrary } from "../kernel/io/reseed.ts";
import type { SignalPoll } from "../kernel/io/signal-poll.ts";
import { connectToHost } from "../kernel/net/vsock.ts";
import type { Server } from "../transport/server.ts";
import { loadTlsFiles } from "./tls-files.ts";
import type { TlsFilePaths } from "./tls-remedies.ts";

export interface HostLinkOptions {
  readonly poll: SignalPoll;
  readonly tls: TlsFilePaths;
  readonly server: Pick<Server, "updateTls" | "endConnections">;
}

export function linkToHost({ poll, tls, server }: HostLinkOptions): HostChannel {
  const takeIdentity = (files: readonly GuestFile[]): void => {
    if (files.some(({ path }) => path === tls.serverCrt)) {
      server.updateTls(loadTlsFiles(tls));
    }
    server.endConnections("this machine is another one now");
  };
  return new HostChannel({
    poll,
    connect: connectToHost,
    life: knownLife(),
    onOtherLife: ({ life, seed, timeMs }) => {
      log.info("this machine goes on from a snapshot", { life });
      // First of all: keys are made of them.
      attempt("the kernel's random numbers", () => reseedKernel(seed));
      reseedLibrary();
      attempt("its clock", () => takeTime(timeMs));
    },
    onFiles: (files) => {
      writeFiles(files);
      attempt("its name", () => takeName(files));
      attempt("its addresses", () => takeCards(files));
      takeIdentity(files);
      log.info("this machine has its own files now", { count: files.length });
    },
  });
}

/** The rest goes on without it. */
function attempt(what: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    log.error(`a restored machine goes on with what another one had: ${what}`, {
      error: messageOf(error),
    });
  }
}
