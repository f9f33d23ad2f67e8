// The two tables of handles. A group's entry is replaced as a whole, and only by a step that has succeeded.
import { PeerUsageError } from "./wire.mjs";

export const clients = new Map();
export const groups = new Map();
let last = 0;

export function add(table, value) {
  last += 1;
  table.set(last, value);
  return last;
}

export function take(table, handle) {
  const value = table.get(handle);
  if (value === undefined) throw new PeerUsageError(`no such handle: ${handle}`);
  return value;
}
