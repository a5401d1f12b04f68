/**
 * The executable's entry. What it is depends on the name it is called by, or on its first argument; only what that
 * needs is loaded.
 */
import { basename } from "node:path";

const ROLES = ["auraed", "aer", "auraescript"] as const;
type Program = (typeof ROLES)[number];

function program(): { name: Program; args: string[] } {
  const args = process.argv.slice(2);
  const called = ROLES.find((name) => name === basename(process.argv0));
  const asked = ROLES.find((name) => name === args[0]);
  return called !== undefined && called !== "auraed"
    ? { name: called, args }
    : asked !== undefined
      ? { name: asked, args: args.slice(1) }
      : { name: "auraed", args };
}

const { name, args } = program();
switch (name) {
  case "auraed":
    if (args[0] === "vmm") {
      // Before anything of the daemon is loaded: the time to a guest's first instruction is product.
      process.exit((await import("./vmm.ts")).runVmmCommand(args.slice(1)));
    }
    process.exit(await (await import("./auraed.ts")).runAuraed(args));
    break;
  case "aer":
    process.exit(await (await import("./aer.ts")).main(args));
    break;
  case "auraescript":
    // Ends by itself: a script goes on as long as it has something to wait for.
    (await import("./auraescript.ts")).main(args);
}
