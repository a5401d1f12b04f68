/** Everything that a machine's configuration names by descriptors: opened for one monitor, and closed once it has them. */
import { openSync } from "node:fs";
import { join } from "node:path";
import type { MonitorSpec } from "../domain/vms/monitors.ts";
import { O_CLOEXEC, O_RDWR } from "../kernel/abi/open.ts";
import { openTap } from "../kernel/net/tap.ts";
import { listenUnix } from "../kernel/net/unix-stream.ts";
import { FileDescriptor } from "../kernel/sys/fd.ts";
import {
  CONFIG_VERSION,
  FIRST_CONFIGURED_FD,
  type MachineConfig,
  MAX_NAME,
  parseMachineConfig,
} from "../vmm/protocol/machine-config.ts";
import { reasonOf, unmet } from "./failures.ts";
import { memoryImage, openDisk, openImage } from "./host-files.ts";
import { SOCKETS_FOLDER } from "./jail.ts";

const KVM = "/dev/kvm";
const VSOCK_SOCKET = "vsock.sock";

function openKvm(): FileDescriptor {
  try {
    return new FileDescriptor(openSync(KVM, O_RDWR | O_CLOEXEC));
  } catch (error) {
    throw unmet(`'${KVM}' can't be opened: ${reasonOf(error)}`, KVM, error);
  }
}

export class MonitorFiles implements Disposable {
  readonly config: MachineConfig;
  /** Of the largest disk that is a file. */
  readonly largestBytes: number = 0;
  readonly #owned = new DisposableStack();
  readonly #handed: { readonly from: number; readonly to: number }[] = [];

  /**
   * @param folder of the machine's sockets
   * @throws {AuraeError} naming the file that is missing, in use, or not what it should be @throws {ProtocolError}
   */
  constructor(spec: MonitorSpec, folder: string) {
    try {
      const kvmFd = this.#add(openKvm());
      const boot = this.#boot(spec);
      const disks = spec.drives.map((drive) => this.#disk(drive));
      this.largestBytes = Math.max(0, ...disks.map(({ fileBytes }) => fileBytes));
      this.config = parseMachineConfig({
        ...{ version: CONFIG_VERSION, id: spec.id, vcpus: spec.vcpus, kvmFd, boot },
        memoryBytes: spec.memoryBytes,
        disks: disks.map(({ config }) => config),
        nics: spec.nics.map(({ tap, mac, mtu }) => ({ fd: this.#addTap(tap), mac, mtu })),
        ...(spec.vsockCid === undefined ? {} : { vsock: this.#vsock(spec.vsockCid, folder) }),
        console: spec.consoleSize,
        hasBalloon: true,
      });
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  /** For the launch plan. */
  get descriptors(): readonly { readonly from: number; readonly to: number }[] {
    return this.#handed;
  }

  /** @returns the number that it has in the monitor */
  #add(fd: FileDescriptor): number {
    this.#owned.use(fd);
    const to = FIRST_CONFIGURED_FD + this.#handed.length;
    this.#handed.push({ from: fd.number, to });
    return to;
  }

  #boot(spec: MonitorSpec): MachineConfig["boot"] {
    const { restore } = spec;
    if (restore !== undefined) {
      const stateFd = this.#add(openImage("snapshot", restore.statePath));
      const memoryFd = this.#add(openImage("snapshot", restore.memoryPath));
      return { snapshot: { stateFd, memoryFd } };
    }
    const kernelFd = this.#add(openImage("kernel", spec.kernelPath));
    const initrdFds = spec.initrdPaths.map((path) => this.#add(openImage("initrd", path)));
    if (spec.initrdExtra !== undefined) {
      initrdFds.push(this.#add(memoryImage(`initrd of ${spec.id}`, spec.initrdExtra)));
    }
    const [kernel = "", ...initrds] = [spec.kernelPath, ...spec.initrdPaths].map((path) =>
      path.length > MAX_NAME ? `...${path.slice(3 - MAX_NAME)}` : path,
    );
    if (spec.initrdExtra !== undefined) {
      initrds.push("the site that was made for it");
    }
    return {
      ...{ kernelFd, initrdFds, commandLine: spec.commandLine },
      names: { kernel, initrds },
    };
  }

  #disk({ path, isReadOnly, serial }: MonitorSpec["drives"][number]) {
    const { fd, fileBytes } = openDisk(path, isReadOnly);
    return { config: { fd: this.#add(fd), isReadOnly, serial }, fileBytes };
  }

  #addTap(name: string): number {
    try {
      const tap = this.#owned.use(openTap(name));
      const to = FIRST_CONFIGURED_FD + this.#handed.length;
      this.#handed.push({ from: tap.fd, to });
      return to;
    } catch (error) {
      throw unmet(`TAP device '${name}' can't be opened: ${reasonOf(error)}`, name, error);
    }
  }

  #vsock(cid: number, folder: string) {
    const path = join(folder, VSOCK_SOCKET);
    try {
      const listenFd = this.#add(listenUnix(path));
      return { cid, listenFd, connectPath: `${SOCKETS_FOLDER}/${VSOCK_SOCKET}` };
    } catch (error) {
      const remedy =
        error instanceof RangeError ? "; start the daemon with a shorter --runtime-dir" : "";
      throw unmet(`socket '${path}' can't be made: ${reasonOf(error)}${remedy}`, path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
