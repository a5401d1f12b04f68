/**
 * The description that `apply` takes: plain data in the API's own names, and what is made of it. A description that can't
 * be right is refused before anything is asked of a daemon; the message names the cell or executable, and the field.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Cell,
  CellSchema,
  type Executable,
  ExecutableSchema,
} from "../../gen/aurae/cells/v0/cells_pb.ts";
import { toWire } from "../message/to-wire.ts";
import type { Desired } from "./types.ts";

export interface DescribedCell {
  readonly name: string;
  readonly cell: Cell;
  readonly executables: readonly Executable[];
}

export interface Description {
  /** Parents before what is in them; else as they were described. */
  readonly cells: readonly DescribedCell[];
  /** The executables in no cell. */
  readonly outside: readonly Executable[];
}

const COMPONENT = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;
const MAX_COMPONENTS = 32;
const MAX_EXECUTABLE_NAME_BYTES = 128;

export function refusal(what: string): ConnectError {
  return new ConnectError(`apply: ${what}`, Code.InvalidArgument);
}

/** Names beside those of the API, each with what they are. */
const DESIRED_KEYS = ["cells", "executables"];

function objectFrom(value: unknown, where: string): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refusal(`${where}: not an object`);
  }
  return value;
}

function listFrom(value: unknown, where: string): readonly unknown[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw refusal(`${where}: not a list`);
  }
  return value;
}

function nameOf(value: object, where: string): string {
  const name: unknown = Reflect.get(value, "name");
  if (typeof name !== "string" || name === "") {
    throw refusal(`${where}: has no name`);
  }
  return name;
}

function executableFrom(value: unknown, where: string): Executable {
  const fields = objectFrom(value, where);
  const name = nameOf(fields, where);
  const isGood =
    !/[/\0-\x1f\x7f]/.test(name) &&
    name !== "." &&
    name !== ".." &&
    Buffer.byteLength(name) <= MAX_EXECUTABLE_NAME_BYTES;
  if (!isGood) {
    throw refusal(
      `${where}.name: ${JSON.stringify(name)} is no name of an executable: 1 to ${MAX_EXECUTABLE_NAME_BYTES} bytes, no "/", no control characters`,
    );
  }
  return toWire(ExecutableSchema, fields, `apply: ${where} "${name}"`) as Executable;
}

function executablesFrom(value: unknown, where: string): Executable[] {
  const executables = listFrom(value, where).map((item, at) =>
    executableFrom(item, `${where}[${at}]`),
  );
  const names = new Set<string>();
  for (const { name } of executables) {
    if (names.has(name)) {
      throw refusal(`${where}: "${name}" is described twice`);
    }
    names.add(name);
  }
  return executables;
}

/** The full name of a cell, from one that may be relative to the cell it is in. */
function fullName(name: string, parent: string | undefined, where: string): string {
  const bare = name.replace(/^\/+|\/+$/g, "");
  const full = parent === undefined || bare.includes("/") ? bare : `${parent}/${bare}`;
  const parts = full.split("/");
  if (!parts.every((part) => COMPONENT.test(part)) || parts.length > MAX_COMPONENTS) {
    throw refusal(
      `${where}.name: ${JSON.stringify(name)} is no name of a cell: components of 1 to 63 letters, digits and inner hyphens, joined by "/", ${MAX_COMPONENTS} at most`,
    );
  }
  if (parent !== undefined && parentOf(full) !== parent) {
    throw refusal(`${where}.name: ${JSON.stringify(name)} is not in the cell "${parent}"`);
  }
  return full;
}

/** The full name of the cell that a cell is in. */
export function parentOf(name: string): string | undefined {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? undefined : name.slice(0, slash);
}

function* cellsFrom(
  value: unknown,
  parent: string | undefined,
  where: string,
): Generator<DescribedCell> {
  for (const [at, item] of listFrom(value, where).entries()) {
    const place = `${where}[${at}]`;
    const { cells, executables, ...fields } = objectFrom(item, place) as Record<string, unknown>;
    const name = fullName(nameOf(fields, place), parent, place);
    const cell = toWire(CellSchema, { ...fields, name }, `apply: ${place} "${name}"`) as Cell;
    yield { name, cell, executables: executablesFrom(executables, `${place}.executables`) };
    yield* cellsFrom(cells, name, `${place}.cells`);
  }
}

/** @throws {ConnectError} INVALID_ARGUMENT naming what is wrong, and where */
export function describe(desired: Desired): Description {
  const { cells, executables, ...others } = objectFrom(desired, "the description") as Desired;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw refusal(`the description has a "${other}"; it has ${DESIRED_KEYS.join(" and ")} alone`);
  }
  const described = [...cellsFrom(cells, undefined, "cells")];
  const names = new Set<string>();
  for (const { name } of described) {
    if (names.has(name)) {
      throw refusal(`the cell "${name}" is described twice`);
    }
    names.add(name);
  }
  const depth = ({ name }: DescribedCell): number => name.split("/").length;
  return {
    cells: described.toSorted((a, b) => depth(a) - depth(b)),
    outside: executablesFrom(executables, "executables"),
  };
}
