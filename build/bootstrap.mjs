/**
 * The door to `build.ts` for a machine that has Node 20 and nothing else: installs the npm packages of the lock when
 * they are not there, finds the pinned Bun among them, and becomes `bun build.ts <command> …` as far as a child
 * process can: same terminal, signals passed on, same exit status. Plain Node, no dependencies; it must not know
 * what the commands do.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const NODE_MAJOR = 20;
/** The stub that the package has instead of a binary while its install script did not run is smaller than this. */
const SMALLEST_BUN_BYTES = 1024 * 1024;
const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET/;

function fail(message) {
  console.error(`auraed: ${message}`);
  process.exit(1);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function checkMachine() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    fail(`runs and builds on x86-64 Linux only, and this is ${process.platform} ${process.arch}`);
  }
  if (Number(process.versions.node.split(".")[0]) < NODE_MAJOR) {
    fail(`needs Node ${NODE_MAJOR} or later, and this is ${process.versions.node}`);
  }
}

/** Whether node_modules is what the lock says, by the record that npm leaves there once an installation is whole. */
function isInstalled() {
  const record = join(MODULES, ".package-lock.json");
  if (!existsSync(record)) {
    return false;
  }
  const installed = readJson(record).packages;
  const locked = readJson(join(ROOT, "package-lock.json")).packages;
  return Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    if (path === "") {
      return true;
    }
    const found = installed[path];
    // Optional packages are those of other platforms; that this one's are there shows when they are used.
    return found === undefined
      ? optional === true
      : found.version === version && found.integrity === integrity && existsSync(join(ROOT, path));
  });
}

function install() {
  console.log("installing the npm packages of package-lock.json into node_modules");
  // Without install scripts: of all packages only Bun's has one that matters, and findBun does without it.
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  const npm = spawnSync("npm", [...args, ...quiet], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (npm.error?.code === "ENOENT") {
    fail("npm is not installed: run `apt-get install npm`, or install Node from nodejs.org");
  }
  if (npm.status !== 0) {
    const output = `${npm.stdout ?? ""}${npm.stderr ?? ""}${npm.error ?? ""}`;
    console.error(output.trim());
    fail(
      NO_NETWORK.test(output)
        ? "npm could not reach its registry: connect this machine, or set its proxy with `npm config set proxy URL`, and run this again"
        : "`npm ci` failed (its output is above)",
    );
  }
}

function versionOf(bun) {
  return spawnSync(bun, ["--version"], { encoding: "utf8" }).stdout?.trim();
}

/** The Bun of node_modules: where its install script puts it, or else where its package brings it. */
function findBun(pin) {
  const places = [join(MODULES, "bun/bin/bun.exe")];
  const scope = join(MODULES, "@oven");
  if (existsSync(scope)) {
    places.push(...readdirSync(scope).map((name) => join(scope, name, "bin/bun")));
  }
  return places.find(
    (path) =>
      existsSync(path) && statSync(path).size >= SMALLEST_BUN_BYTES && versionOf(path) === pin,
  );
}

/** Runs Bun's install script, which moves its binary to where `npx bun` and editors look for it. */
function placeBun() {
  const stub = join(MODULES, "bun/bin/bun.exe");
  if (existsSync(stub) && statSync(stub).size < SMALLEST_BUN_BYTES) {
    spawnSync(process.execPath, ["install.js"], { cwd: join(MODULES, "bun"), stdio: "ignore" });
  }
}

function setUp() {
  const pin = readJson(join(ROOT, "package.json")).dependencies.bun;
  let fresh = false;
  if (!isInstalled()) {
    install();
    fresh = true;
  }
  placeBun();
  let bun = findBun(pin);
  if (bun === undefined && !fresh) {
    install();
    placeBun();
    bun = findBun(pin);
  }
  if (bun === undefined) {
    fail(
      `Bun ${pin} is not in node_modules, or does not run here: it needs glibc, and npm to install optional packages`,
    );
  }
  return bun;
}

/** Runs a program in our place: a signal that we get, it gets, and as it ends, we end. */
function become(program, args) {
  const path = `${join(MODULES, ".bin")}:${process.env.PATH ?? ""}`;
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => {
      // A terminal sends its signals to the whole group, the child included; a second one would mean "now".
      if (signal === "SIGTERM" || process.stdin.isTTY !== true) {
        child.kill(signal);
      }
    });
  }
  child.on("error", (error) => fail(`can't run ${program}: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}

checkMachine();
become(setUp(), [join(ROOT, "build.ts"), ...process.argv.slice(2)]);
