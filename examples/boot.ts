/**
 * A boot script: what a machine does when it boots. Put it into the machine's site as `boot.ts`, with the certificate of the
 * client "boot" (docs/boot.md). What it prints is seen on the console, and in `aer cell logs --no-cell boot.ts`.
 *
 * Whatever it imports has to be in the site as well.
 */
import { apply, cells, discovery } from "aurae";

const { version } = await new discovery.DiscoveryServiceClient().discover({});
console.log(`auraed ${version} is up`);

const plan = await apply({
  cells: [
    {
      name: "system",
      // Whatever goes wrong in there, the machine has room for somebody to look at it.
      pids: { max: 200 },
      executables: [
        {
          name: "heartbeat",
          command: "while :; do date; sleep 60; done",
          // Nobody is there to start it again: the daemon is.
          restart: { mode: cells.RestartMode.ALWAYS },
        },
      ],
    },
  ],
});
console.log(`${plan}`);
