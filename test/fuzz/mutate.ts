/** Makes inputs that are almost right: files with bytes that are cut or changed, and JSON with values in wrong places. */
import type { randomFrom } from "../harness/random.ts";

export type Random = ReturnType<typeof randomFrom>;

/** Bytes that break arithmetic, in place of any others. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];
const ODD: readonly unknown[] = [
  ...[null, true, -1, 0, 1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, "", "0x", "a", "\n", "\0"],
  ...[
    "__proto__",
    "x".repeat(5000),
    "/",
    "../..",
    [],
    [null],
    {},
    { version: 1 },
    "0xffffffffffffffff",
  ],
];
const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "",
  "a b=c",
  "x\n2026 ERROR forged",
  "length",
];

export function mutatedBytes(file: Uint8Array, random: Random): Uint8Array {
  const copy = file.slice(0, random(4) === 0 ? random(file.length + 1) : file.length);
  for (let changes = 1 + random(6); copy.length > 0 && changes > 0; changes -= 1) {
    const at = random(copy.length);
    const byte = random(2) === 0 ? EDGES[random(EDGES.length)]! : random(256);
    copy.fill(byte, at, Math.min(at + 1 + random(8), copy.length));
  }
  return copy;
}

/** A copy of a JSON value of which some parts are others, missing, or too many. */
export function mutatedJson(value: unknown, random: Random): unknown {
  const root = { value: structuredClone(value) };
  for (let changes = 1 + random(3); changes > 0; changes -= 1) {
    change(root, random);
  }
  // Nothing that no JSON can say.
  return JSON.parse(JSON.stringify(root.value ?? null)) as unknown;
}

function change(root: object, random: Random): void {
  let parent: Record<string, unknown> = root as never;
  for (;;) {
    const keys = Object.keys(parent);
    const key = keys[random(keys.length)];
    if (key === undefined) {
      put(parent, KEYS[random(KEYS.length)]!, structuredClone(ODD[random(ODD.length)]));
      return;
    }
    const child = parent[key];
    if (typeof child === "object" && child !== null && random(5) !== 0) {
      parent = child as Record<string, unknown>;
      continue;
    }
    switch (random(8)) {
      case 0:
        delete parent[key];
        return;
      case 1:
        put(parent, KEYS[random(KEYS.length)]!, structuredClone(child));
        return;
      case 2:
        parent[key] = typeof child === "number" ? child + 1 - random(3) : JSON.stringify(child);
        return;
      default:
        parent[key] = structuredClone(ODD[random(ODD.length)]);
        return;
    }
  }
}

/** As JSON.parse does, which makes a field of `__proto__`, too. */
function put(parent: object, key: string, value: unknown): void {
  if (Array.isArray(parent)) {
    parent.push(value);
    return;
  }
  Object.defineProperty(parent, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
