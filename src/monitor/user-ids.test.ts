import { expect, test } from "bun:test";
import type { Accounts } from "../kernel/process/accounts.ts";
import { FIRST_VM_UID, UserIds, VM_UID_COUNT } from "./user-ids.ts";

/** A machine on which one of the ids has an account. */
const accounts: Accounts = {
  user: (user) => ({ uid: Number(user), gid: Number(user) === FIRST_VM_UID + 2 ? 100 : undefined }),
  group: () => undefined,
};

const counting = (): ((below: number) => number) => {
  let next = 0;
  return () => next++ % 4;
};

test("UserIds gives each machine another id, and none that an account has", () => {
  const ids = new UserIds(accounts, counting());
  ids.claim(FIRST_VM_UID + 1);
  expect([ids.take(), ids.take()]).toEqual([FIRST_VM_UID, FIRST_VM_UID + 3]);
  expect(() => ids.take()).toThrow(`no free user id from ${FIRST_VM_UID} on`);
  ids.giveBack(FIRST_VM_UID + 1);
  expect(ids.take()).toBe(FIRST_VM_UID + 1);
});

test("UserIds are beyond those of people and containers, and below those that are negative to some", () => {
  const ids = new UserIds(accounts);
  for (let i = 0; i < 100; i++) {
    const uid = ids.take();
    expect([uid >= FIRST_VM_UID, uid < FIRST_VM_UID + VM_UID_COUNT, uid < 2 ** 31]).toEqual([
      true,
      true,
      true,
    ]);
  }
});
