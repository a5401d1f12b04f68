import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileAccounts } from "./file-accounts.ts";

const folder = mkdtempSync(join(tmpdir(), "aurae-accounts-"));

afterAll(() => rmSync(folder, { recursive: true }));

function accounts(passwd: string | Uint8Array, group = ""): FileAccounts {
  const paths = [join(folder, "passwd"), join(folder, "group")] as const;
  writeFileSync(paths[0], passwd);
  writeFileSync(paths[1], group);
  return new FileAccounts(...paths);
}

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# comment:x:1:1::/:
app:x:1000:1001:An app,,,:/srv:/bin/false
app:x:2000:2000:the second of that name:/:/bin/sh
nogid:x:5::/:
large:x:4294967294:4294967294::/:
none:x:4294967295:0::/:
huge:x:99999999999999999999:0::/:
hex:x:0x10:0::/:
minus:x:-1:0::/:
short:x
:x:77:77:no name:/:
`;

describe("FileAccounts.user", () => {
  test("finds the first account of a name, with its group", () => {
    expect(accounts(PASSWD).user("app")).toEqual({ uid: 1000, gid: 1001 });
    expect(accounts(PASSWD).user("root")).toEqual({ uid: 0, gid: 0 });
    expect(accounts(PASSWD).user("large")).toEqual({ uid: 4294967294, gid: 4294967294 });
  });

  test("takes a number, which need not have an account", () => {
    expect(accounts(PASSWD).user("1000")).toEqual({ uid: 1000, gid: 1001 });
    expect(accounts(PASSWD).user("4242")).toEqual({ uid: 4242, gid: undefined });
  });

  test.each([
    "nobody",
    "",
    "nogid",
    "none",
    "huge",
    "hex",
    "minus",
    "short",
    "# comment",
    "4294967295",
    "99999999999",
    "-1",
    "1e3",
    " 0",
    "0x0",
    "app:x",
  ])("answers undefined for %j", (name) => {
    expect(accounts(PASSWD).user(name)).toBeUndefined();
  });

  test("passes over what is no line of such a file", () => {
    const bytes = Buffer.concat([Buffer.from([0, 255, 10, 58, 58, 58, 10]), Buffer.from(PASSWD)]);
    expect(accounts(bytes).user("app")).toEqual({ uid: 1000, gid: 1001 });
    expect(accounts(":".repeat(100_000)).user("app")).toBeUndefined();
    expect(accounts("app:x:7:8").user("app")).toEqual({ uid: 7, gid: 8 });
  });

  test("refuses a file that is too large, and what is no file", () => {
    expect(() => accounts(Buffer.alloc(5 * 1024 * 1024, "x\n")).user("app")).toThrow("EFBIG");
    expect(() => new FileAccounts(folder, folder).user("app")).toThrow("EINVAL");
  });

  test("knows numbers only where there are no files", () => {
    const none = new FileAccounts("/nope/passwd", "/nope/group");
    expect([none.user("root"), none.group("root")]).toEqual([undefined, undefined]);
    expect([none.user("0"), none.group("0")]).toEqual([{ uid: 0, gid: undefined }, 0]);
  });
});

describe("FileAccounts.group", () => {
  test("finds a group by name, and takes a number", () => {
    const it = accounts("", "root:x:0:\nwheel:x:10:app,root\nbad:x:y:\n");
    expect([it.group("wheel"), it.group("77"), it.group("bad"), it.group("")]).toEqual([
      10,
      77,
      undefined,
      undefined,
    ]);
  });
});
