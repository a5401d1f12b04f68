/**
 * What a guest that runs auraed is given of its own: an archive that the kernel unpacks after the guest's own image, with
 * a certificate, which is made for one boot, its drives' places and its addresses. Without an authority a guest gets no
 * identity of us; where its drives and its addresses are, it is told all the same.
 */
import { AuraeError } from "../base/errors.ts";
import { cpioArchive, type CpioEntry } from "../base/cpio.ts";
import {
  type CardAddresses,
  type DriveMount,
  HOSTNAME_FILE,
  MAX_MOUNTS,
  MOUNTS_FILE,
  mountsText,
  NETWORK_FILE,
  networkText,
  parseDriveMount,
} from "../base/machine-files.ts";
import { DEFAULT_PKI_DIR, guestNames, SERVER_FILES, AUTHORITY_FILES } from "../pki/layout.ts";
import { type GuestFile, LIFE_FILE } from "../base/host-channel.ts";
import type { VmAuthority } from "./vm-authority.ts";

export interface GuestNeeds {
  /** Which life of the machine it is ({@link LIFE_FILE}). */
  readonly life: string;
  readonly mounts: readonly {
    readonly device: string;
    readonly path: string;
    /** Empty: the guest finds out. */
    readonly fsType: string;
    readonly isReadOnly: boolean;
  }[];
  readonly nics: readonly {
    readonly mac: string;
    readonly ipv4?: {
      readonly host: string;
      readonly guest: string;
      readonly prefixLength: number;
    };
  }[];
}

/** How long a guest's certificate is good for. It is made anew at each boot, and a guest can't renew it by itself. */
export const GUEST_CERTIFICATE_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;
const KEY_FILE = `${DEFAULT_PKI_DIR}/${SERVER_FILES.key}`;

function file(path: string, text: string): GuestFile {
  return { path, text };
}

function entryOf({ path, text }: GuestFile): CpioEntry {
  const mode = path === KEY_FILE ? 0o600 : 0o644;
  return { kind: "file", path: path.slice(1), mode, content: Buffer.from(text) };
}

function mountsOf({ mounts }: GuestNeeds): DriveMount[] {
  if (mounts.length > MAX_MOUNTS) {
    throw new AuraeError(
      "invalid_argument",
      `${mounts.length} drives to mount, ${MAX_MOUNTS} at most`,
    );
  }
  return mounts.map(({ device, path, fsType, isReadOnly }) => {
    const mount = { device, path, readOnly: isReadOnly, ...(fsType === "" ? {} : { fsType }) };
    return parseDriveMount(mount, `drive "${device}"`);
  });
}

/** Only the first card has a default route: two would be in each other's way. */
function cardsOf({ nics }: GuestNeeds): CardAddresses[] {
  let hasGateway = false;
  return nics.flatMap(({ mac, ipv4 }) => {
    if (ipv4 === undefined) {
      return [];
    }
    const addresses = [`${ipv4.guest}/${ipv4.prefixLength}`];
    const card = hasGateway ? { mac, addresses } : { mac, addresses, gateway: ipv4.host };
    hasGateway = true;
    return card;
  });
}

async function identityFiles(
  id: string,
  { life, nics }: GuestNeeds,
  identity: VmAuthority,
): Promise<GuestFile[]> {
  const addresses = nics.flatMap(({ ipv4 }) => ipv4?.guest ?? []);
  const { authority, caPem, chainPem, notAfter } = identity;
  const { issueCertificate } = await import("../pki/authority.ts");
  const end = Date.now() + GUEST_CERTIFICATE_DAYS * DAY_MS;
  const issued = await issueCertificate(authority, {
    ...guestNames(authority.trustDomain, id, addresses),
    notAfter: new Date(Math.min(end, notAfter.getTime())),
  });
  const certificates = issued.certificatePem + chainPem;
  return [
    file(`${DEFAULT_PKI_DIR}/${AUTHORITY_FILES.certificate}`, caPem),
    file(`${DEFAULT_PKI_DIR}/${SERVER_FILES.certificate}`, certificates),
    file(KEY_FILE, issued.keyPem),
    file(HOSTNAME_FILE, `${id}\n`),
    // It says of which life the certificate is.
    file(LIFE_FILE, `${life}\n`),
  ];
}

export class GuestSites {
  readonly #identity: VmAuthority | undefined;

  /** @param identity what guests get theirs from; undefined: they get none */
  constructor(identity: VmAuthority | undefined) {
    this.#identity = identity;
  }

  /**
   * Makes the archive for one boot of a guest.
   * @param id of the VM, a DNS label; also the guest's host name
   * @returns undefined where there is nothing to tell it
   * @throws {AuraeError} for drives that can't be mounted where they are to be
   */
  async siteFor(id: string, needs: GuestNeeds): Promise<Uint8Array | undefined> {
    const mounts = mountsOf(needs);
    const files = [
      ...(await this.#files(id, needs, cardsOf(needs))),
      ...(mounts.length === 0 ? [] : [file(MOUNTS_FILE, mountsText(mounts))]),
    ];
    return files.length === 0 ? undefined : cpioArchive(files.map(entryOf));
  }

  /**
   * What a guest that was restored from a snapshot is given of it: drives stay mounted as they are, and all cards are told
   * of, since each has the hardware address of another.
   */
  async filesFor(id: string, needs: GuestNeeds): Promise<GuestFile[]> {
    const known = cardsOf(needs);
    const cards = needs.nics.map(
      ({ mac }): CardAddresses => known.find((card) => card.mac === mac) ?? { mac, addresses: [] },
    );
    return await this.#files(id, needs, cards);
  }

  async #files(
    id: string,
    needs: GuestNeeds,
    cards: readonly CardAddresses[],
  ): Promise<GuestFile[]> {
    const identity = this.#identity;
    return [
      ...(identity === undefined ? [] : await identityFiles(id, needs, identity)),
      ...(cards.length === 0 ? [] : [file(NETWORK_FILE, networkText(cards))]),
    ];
  }
}
