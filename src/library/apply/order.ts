/** The order among the executables of one cell: each after those that it waits for. Pure. */
import type { Executable } from "../../gen/aurae/cells/v0/cells_pb.ts";
import { refusal } from "./description.ts";

/**
 * Executables in the order in which they can be started; else as they were given.
 * @param where whose they are, for the message
 * @throws {ConnectError} INVALID_ARGUMENT where some wait for each other in a circle
 */
export function inOrder(executables: readonly Executable[], where: string): Executable[] {
  const byName = new Map(executables.map((it) => [it.name, it]));
  const done = new Set<string>();
  const path: string[] = [];
  const ordered: Executable[] = [];
  const visit = (executable: Executable): void => {
    const { name, requires, after } = executable;
    if (done.has(name)) {
      return;
    }
    if (path.includes(name)) {
      const circle = [...path.slice(path.indexOf(name)), name].join(" -> ");
      throw refusal(`${where}: executables wait for each other in a circle: ${circle}`);
    }
    path.push(name);
    for (const other of [...requires, ...after]) {
      const sibling = byName.get(other);
      if (sibling !== undefined) {
        visit(sibling);
      }
    }
    path.pop();
    done.add(name);
    ordered.push(executable);
  };
  executables.forEach(visit);
  return ordered;
}
