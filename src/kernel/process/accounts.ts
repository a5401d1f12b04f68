/**
 * The door to users and groups by name: the machine's /etc/passwd and /etc/group (passwd(5), group(5)). Implemented by
 * `file-accounts.ts` and in memory, by the tests.
 */

export interface UserAccount {
  readonly uid: number;
  /** Its login group; undefined for a number that no account has. */
  readonly gid: number | undefined;
}

export interface Accounts {
  /** @param user a name, or a number, which need not have an account @returns undefined for a name that is not there */
  user(user: string): UserAccount | undefined;
  /** The same for groups. */
  group(group: string): number | undefined;
}
