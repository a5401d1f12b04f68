/**
 * Decides what `auraed pki` has to make: looks at what is there, refuses what doesn't fit together, and issues the
 * rest, all in memory. Whoever called may then write; until then nothing has changed.
 */
import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
  type Authority,
  createAuthority,
  issueCertificate,
  loadAuthority,
  trustDomainFromPem,
} from "./authority.ts";
import { isIssuer } from "../base/certificates.ts";
import { clientConfigToml } from "../base/client-config.ts";
import {
  AUTHORITY_FILES,
  BUILTIN_ROLES,
  type ClientSpec,
  clientFiles,
  clientNames,
  commonNameFrom,
  DEFAULT_TRUST_DOMAIN,
  isTrustDomain,
  type LeafNames,
  type PairFiles,
  SERVER_FILES,
  serverNames,
} from "./layout.ts";
import type { PkiOptions } from "./options.ts";
import { exists, type Pair, readPair, START_OVER, spiffeIdOf, unusable } from "./pair.ts";
import type { NewFile } from "./write.ts";

/** One line of the table that people see. */
export interface FileReport {
  readonly path: string;
  readonly state: "created" | "kept" | "replaced";
  /** Only for certificates. */
  readonly certificate?: X509Certificate;
}

export interface PkiPlan {
  readonly writes: readonly NewFile[];
  readonly files: readonly FileReport[];
  /** What the user should know although it is no failure. */
  readonly notes: readonly string[];
}

interface Draft {
  readonly options: PkiOptions;
  readonly writes: NewFile[];
  readonly files: FileReport[];
  readonly notes: string[];
}

/** A leaf that is wanted: its files, its names, and how to speak of it. */
interface Wanted {
  readonly label: string;
  readonly files: PairFiles;
  readonly names: LeafNames;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const MIN_AUTHORITY_DAYS = 3650;

/** @throws AuraeError `failed_precondition`, naming the file and the remedy. */
export async function planPki(options: PkiOptions): Promise<PkiPlan> {
  const draft: Draft = { options, writes: [], files: [], notes: [] };
  const existing = options.force ? undefined : readAuthority(options);
  const trustDomain = chooseTrustDomain(options, existing);
  const wanted = wantedLeaves(options, trustDomain);
  if (existing === undefined) {
    await planFromNothing(draft, wanted, trustDomain);
  } else {
    await planFromAuthority(draft, wanted, existing);
  }
  planConfig(draft);
  for (const { name, role } of options.clients) {
    if (!BUILTIN_ROLES.includes(role)) {
      draft.notes.push(
        `the role "${role}" of client "${name}" is none of ${BUILTIN_ROLES.join(", ")}: without a policy file that names it, it may do nothing`,
      );
    }
  }
  return draft;
}

async function planFromNothing(draft: Draft, wanted: readonly Wanted[], trustDomain: string) {
  const { options } = draft;
  const strays = leavesIn(options.dir);
  const [stray] = strays;
  if (stray !== undefined && !options.force) {
    throw unusable(
      `"${join(options.dir, stray)}" is there, but "${join(options.dir, AUTHORITY_FILES.certificate)}" is missing: restore that file, or ${START_OVER}`,
    );
  }
  const authority = await createAuthority({
    trustDomain,
    commonName: commonNameFrom(trustDomain, "aurae"),
    notAfter: inDays(Math.max(options.days, MIN_AUTHORITY_DAYS)),
  });
  addPair(draft, AUTHORITY_FILES, authority);
  for (const leaf of wanted) {
    addPair(draft, leaf.files, await issue(authority, leaf, options.days));
  }
  const renewed = new Set(wanted.flatMap(({ files }) => [files.certificate, files.key]));
  for (const left of strays.filter((name) => !renewed.has(name))) {
    draft.notes.push(
      `"${join(options.dir, left)}" belongs to the authority that was replaced and is of no use any more`,
    );
  }
}

async function planFromAuthority(draft: Draft, wanted: readonly Wanted[], existing: Pair) {
  const { options } = draft;
  keepPair(draft, AUTHORITY_FILES, existing, "the authority");
  let authority: Authority | undefined;
  for (const leaf of wanted) {
    const pair = readPair(options.dir, leaf.files);
    if (pair === undefined) {
      authority ??= signingAuthority(options, existing, leaf);
      addPair(draft, leaf.files, await issue(authority, leaf, options.days));
      continue;
    }
    const { certificate } = pair;
    const path = join(options.dir, leaf.files.certificate);
    if (!isIssuer(existing.certificate, certificate)) {
      throw unusable(
        `"${path}" was not issued by "${join(options.dir, AUTHORITY_FILES.certificate)}": remove it and its key "${join(options.dir, leaf.files.key)}" to have it issued anew, or ${START_OVER}`,
      );
    }
    const [id] = leaf.names.uris;
    const has = spiffeIdOf(certificate);
    if (has !== id) {
      draft.notes.push(
        `kept ${leaf.label} is ${has ?? "without a SPIFFE ID"}, not ${id}: to issue it anew, remove its two files and run this again`,
      );
    }
    keepPair(draft, leaf.files, pair, leaf.label);
  }
}

function readAuthority(options: PkiOptions): Pair | undefined {
  const existing = readPair(options.dir, AUTHORITY_FILES, true);
  if (existing !== undefined && !existing.certificate.ca) {
    throw unusable(
      `"${join(options.dir, AUTHORITY_FILES.certificate)}" is not the certificate of an authority (CA:TRUE): restore it, or ${START_OVER}`,
    );
  }
  return existing;
}

function chooseTrustDomain(options: PkiOptions, existing: Pair | undefined): string {
  if (existing === undefined) {
    return options.trustDomain ?? formerTrustDomain(options.dir) ?? DEFAULT_TRUST_DOMAIN;
  }
  const path = join(options.dir, AUTHORITY_FILES.certificate);
  const domain = trustDomainFromPem(existing.certificatePem);
  if (domain === undefined || !isTrustDomain(domain)) {
    throw unusable(`"${path}" names no trust domain in lower case: restore it, or ${START_OVER}`);
  }
  if (options.trustDomain !== undefined && options.trustDomain !== domain) {
    throw unusable(
      `"${path}" is the authority of "${domain}", not of "${options.trustDomain}": leave --trust-domain out, name another --dir, or ${START_OVER}`,
    );
  }
  return domain;
}

/** The trust domain of the authority that is about to be replaced, where it can still be read. */
function formerTrustDomain(dir: string): string | undefined {
  try {
    const former = readPair(dir, AUTHORITY_FILES, true);
    const domain = former && trustDomainFromPem(former.certificatePem);
    return domain !== undefined && isTrustDomain(domain) ? domain : undefined;
  } catch {
    // Whatever is wrong with the old files, they are being replaced.
    return undefined;
  }
}

function signingAuthority(options: PkiOptions, existing: Pair, leaf: Wanted): Authority {
  const certificatePath = join(options.dir, AUTHORITY_FILES.certificate);
  if (existing.keyPem === undefined) {
    throw unusable(
      `"${join(options.dir, AUTHORITY_FILES.key)}" is missing, and ${leaf.label} must be signed with it: restore that file, or ${START_OVER}`,
    );
  }
  if (existing.certificate.validToDate.getTime() <= Date.now()) {
    throw unusable(
      `"${certificatePath}" has expired on ${dateText(existing.certificate.validToDate)} and can sign nothing: ${START_OVER}`,
    );
  }
  return loadAuthority(existing.certificatePem, existing.keyPem);
}

function wantedLeaves(options: PkiOptions, trustDomain: string): Wanted[] {
  const clients = options.clients.map((client: ClientSpec) => ({
    label: `client "${client.name}"`,
    files: clientFiles(client.name),
    names: clientNames(trustDomain, client),
  }));
  return [
    { label: "the server", files: SERVER_FILES, names: serverNames(trustDomain) },
    ...clients,
  ];
}

async function issue(authority: Authority, leaf: Wanted, days: number) {
  const authorityEnd = new X509Certificate(authority.certificatePem).validToDate.getTime();
  const notAfter = new Date(Math.min(inDays(days).getTime(), authorityEnd));
  return await issueCertificate(authority, { ...leaf.names, notAfter });
}

function addPair(draft: Draft, files: PairFiles, pair: { certificatePem: string; keyPem: string }) {
  const { dir } = draft.options;
  addFile(draft, {
    path: join(dir, files.key),
    content: pair.keyPem,
    mode: 0o600,
  });
  addFile(
    draft,
    { path: join(dir, files.certificate), content: pair.certificatePem, mode: 0o644 },
    new X509Certificate(pair.certificatePem),
  );
}

function addFile(draft: Draft, file: NewFile, certificate?: X509Certificate) {
  draft.writes.push(file);
  draft.files.push({
    path: file.path,
    state: exists(file.path) ? "replaced" : "created",
    ...(certificate && { certificate }),
  });
}

function keepPair(draft: Draft, files: PairFiles, pair: Pair, label: string) {
  const { dir } = draft.options;
  const { certificate } = pair;
  if (pair.keyPem !== undefined) {
    draft.files.push({ path: join(dir, files.key), state: "kept" });
  }
  draft.files.push({ path: join(dir, files.certificate), state: "kept", certificate });
  if (certificate.validToDate.getTime() <= Date.now()) {
    draft.notes.push(
      `kept ${label} has expired on ${dateText(certificate.validToDate)}: to issue it anew, remove its two files and run this again`,
    );
  }
}

function planConfig(draft: Draft) {
  const { options } = draft;
  const { config, clients, dir } = options;
  if (config === undefined) {
    return;
  }
  if (exists(config) && !options.force) {
    draft.files.push({ path: config, state: "kept" });
    return;
  }
  const client = clients.find(({ role }) => role === "admin") ?? clients[0];
  if (client !== undefined) {
    const files = clientFiles(client.name);
    const content = clientConfigToml({
      caCrt: join(dir, AUTHORITY_FILES.certificate),
      clientCrt: join(dir, files.certificate),
      clientKey: join(dir, files.key),
      socket: options.socket,
    });
    addFile(draft, { path: config, content, mode: 0o644 });
  }
}

/** The names of the server's and clients' files that lie in a directory, be it missing. */
function leavesIn(dir: string): string[] {
  if (!exists(dir)) {
    return [];
  }
  try {
    return readdirSync(dir)
      .map((name) => basename(name))
      .filter((name) => /^(_signed\..+\.crt|server\.key|client\..+\.key)$/.test(name))
      .sort();
  } catch (error) {
    throw unusable(`can't read the directory "${dir}": name another one with --dir`, error);
  }
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

function dateText(date: Date): string {
  return date.toISOString().slice(0, 10);
}
