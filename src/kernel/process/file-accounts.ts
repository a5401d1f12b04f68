/**
 * Users and groups of the machine's own files (passwd(5), group(5)). They are read anew for each question, since they
 * change, and as input that may be anything: what is not a line of such a file is passed over.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ERRNO } from "../abi/errno.ts";
import { isErrno, SyscallError } from "../sys/error.ts";
import type { Accounts, UserAccount } from "./accounts.ts";

/** Larger files are refused: the daemon waits for every byte of them. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** The highest number stands for "no id" (chown(2)). */
const MAX_ID = 0xffff_fffe;

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) {
    return undefined;
  }
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

/** The text of a file; empty where there is none. @throws {SyscallError} EFBIG; EINVAL for what is not a file */
function readBounded(path: string): string {
  let fd: number;
  try {
    // Without O_NONBLOCK a FIFO in its place would hold the daemon.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT")) {
      return "";
    }
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile()) {
      throw new SyscallError("read", ERRNO.EINVAL, JSON.stringify(path));
    }
    if (size > MAX_FILE_BYTES) {
      throw new SyscallError("read", ERRNO.EFBIG, JSON.stringify(path));
    }
    const bytes = Buffer.alloc(size);
    return bytes.toString("utf8", 0, readSync(fd, bytes, 0, size, 0));
  } finally {
    closeSync(fd);
  }
}

/** The first line that answers the question. */
function find<T>(
  text: string,
  answer: (fields: readonly string[]) => T | undefined,
): T | undefined {
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? undefined : answer(line.split(":"));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** `name:password:uid:gid:…` */
function userOf([name, , uid, gid]: readonly string[]) {
  const [user, group] = [idOf(uid), idOf(gid)];
  return user === undefined || group === undefined ? undefined : { name, uid: user, gid: group };
}

export class FileAccounts implements Accounts {
  readonly #passwd: string;
  readonly #group: string;

  constructor(passwd = "/etc/passwd", group = "/etc/group") {
    this.#passwd = passwd;
    this.#group = group;
  }

  user(user: string): UserAccount | undefined {
    const isNumber = /^\d+$/.test(user);
    const uid = idOf(user);
    if (user === "" || (isNumber && uid === undefined)) {
      return undefined;
    }
    const found = find(readBounded(this.#passwd), (fields) => {
      const account = userOf(fields);
      const isIt = isNumber ? account?.uid === uid : account?.name === user;
      return isIt ? account : undefined;
    });
    if (uid !== undefined) {
      return { uid, gid: found?.gid };
    }
    return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
  }

  group(group: string): number | undefined {
    if (group === "" || /^\d+$/.test(group)) {
      return idOf(group);
    }
    return find(readBounded(this.#group), ([name, , gid]) =>
      name === group ? idOf(gid) : undefined,
    );
  }
}
