/** The layers of `src/`, what each may import, and the check of one import against them. */
import type { Import } from "./imports.ts";
import { isTest } from "./sources.ts";

interface Layer {
  /** Folders or files of `src/`; the longest one that fits a path decides. */
  readonly paths: readonly string[];
  /** Layers that it may import beside itself. */
  readonly layers: readonly string[];
  /** Packages, by the start of their name; built-in `node:` modules need no entry. */
  readonly packages: readonly string[];
}

const RPC = ["@bufbuild/", "@connectrpc/"];

const LAYERS: Readonly<Record<string, Layer>> = {
  base: { paths: ["base"], layers: [], packages: [] },
  gen: { paths: ["gen"], layers: [], packages: ["@bufbuild/"] },
  abi: { paths: ["kernel/abi"], layers: [], packages: [] },
  sys: { paths: ["kernel/sys"], layers: ["abi", "base"], packages: ["bun:ffi"] },
  kernel: { paths: ["kernel"], layers: ["sys", "abi", "base"], packages: [] },
  fake: { paths: ["kernel/fake"], layers: ["kernel", "sys", "abi", "base"], packages: [] },
  protocol: { paths: ["vmm/protocol"], layers: ["base"], packages: [] },
  vmm: { paths: ["vmm"], layers: ["protocol", "kernel", "sys", "abi", "base"], packages: [] },
  domain: { paths: ["domain"], layers: ["kernel", "sys", "abi", "base"], packages: [] },
  monitor: {
    paths: ["monitor"],
    layers: ["domain", "protocol", "kernel", "sys", "abi", "base"],
    packages: [],
  },
  service: { paths: ["service"], layers: ["domain", "base", "gen"], packages: RPC },
  authz: { paths: ["authz"], layers: ["base"], packages: ["@connectrpc/"] },
  transport: { paths: ["transport"], layers: ["authz", "base"], packages: ["@connectrpc/"] },
  init: { paths: ["init"], layers: ["kernel", "sys", "abi", "base"], packages: [] },
  daemon: {
    paths: ["daemon"],
    layers: [
      "transport",
      "authz",
      "service",
      "domain",
      "monitor",
      "guest",
      "init",
      "kernel",
      "sys",
      "abi",
      "gen",
      "base",
    ],
    packages: [...RPC, "bun:sqlite"],
  },
  guest: { paths: ["guest"], layers: ["pki", "domain", "base"], packages: [] },
  pki: { paths: ["pki"], layers: ["base"], packages: ["@peculiar/x509", "reflect-metadata"] },
  client: { paths: ["client"], layers: ["gen", "base"], packages: RPC },
  cli: { paths: ["cli"], layers: ["client", "gen", "base"], packages: RPC },
  library: { paths: ["library"], layers: ["client", "gen", "base"], packages: RPC },
  script: { paths: ["script"], layers: ["library", "client", "base"], packages: ["@connectrpc/"] },
  main: {
    paths: ["main"],
    layers: ["daemon", "cli", "script", "library", "pki", "client", "vmm", "base"],
    packages: [],
  },
};

/** Files outside of `src/` that one module each takes into the executable. */
const EMBEDDED: Readonly<Record<string, string>> = {
  "dist/ffi/libauraed.so": "src/kernel/sys/library.ts",
  "dist/ffi/launcher": "src/kernel/process/launcher-process.ts",
  "dist/ffi/cell-init": "src/kernel/namespace/cell-init.ts",
  "dist/x509.js": "src/pki/x509.ts",
  "dist/types/library.json.zst": "src/script/types.ts",
  "package.json": "src/daemon/version.ts",
};

/** The layer of a module of `src/`. */
export function layerOf(path: string): string | undefined {
  let best: { name: string; length: number } | undefined;
  for (const [name, { paths }] of Object.entries(LAYERS)) {
    for (const start of paths) {
      const isIn = path.startsWith(`src/${start}/`) || path === `src/${start}.ts`;
      if (isIn && start.length > (best?.length ?? 0)) {
        best = { name, length: start.length };
      }
    }
  }
  return best?.name;
}

function packageFault(layer: string, { from, to }: Import): string | undefined {
  const isBuiltin = to.startsWith("node:") || to === "bun";
  if (isBuiltin && layer !== "abi") {
    return undefined;
  }
  const allowed = LAYERS[layer]?.packages ?? [];
  const isAllowed = allowed.some((start) => to.startsWith(start));
  return isAllowed ? undefined : `${from} imports "${to}", which is not for layer "${layer}"`;
}

/** What is wrong with an import of a module of `src/`, if anything. Tests may reach further, but not for FFI. */
export function importFault(edge: Import): string | undefined {
  const { from, to } = edge;
  const layer = layerOf(from);
  if (layer === undefined) {
    return `${from} is in no layer: name its folder in test/arch/layers.ts`;
  }
  if (isTest(from)) {
    return to === "bun:ffi" && layer !== "sys" ? `${from} imports "bun:ffi"` : undefined;
  }
  if (!to.includes("/") || to.startsWith("node:") || to.startsWith("@")) {
    if (EMBEDDED[to] === undefined) {
      return packageFault(layer, edge);
    }
  }
  if (EMBEDDED[to] !== undefined) {
    return EMBEDDED[to] === from ? undefined : `${from} imports ${to}: ${EMBEDDED[to]} does that`;
  }
  if (!to.startsWith("src/")) {
    return `${from} imports ${to}, which is not in src/`;
  }
  const target = layerOf(to);
  if (target === undefined) {
    return `${from} imports ${to}, which is in no layer`;
  }
  const isAllowed = target === layer || (LAYERS[layer]?.layers.includes(target) ?? false);
  return isAllowed
    ? undefined
    : `${from} imports ${to}: layer "${layer}" may not import "${target}"`;
}
