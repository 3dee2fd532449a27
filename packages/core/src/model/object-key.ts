import { BackupError } from "../errors.ts";
import { type BackupId, databaseOf, isBackupId } from "./backup-id.ts";

/** Where an object lies in a destination: relative, `/` between segments, each of [A-Za-z0-9._-] and not starting with a dot. */
export type ObjectKey = string & { readonly __brand: "ObjectKey" };

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** @throws USAGE when the text could leave the destination or cannot be a file name everywhere */
export function parseObjectKey(text: string): ObjectKey {
  if (!isObjectKey(text))
    throw new BackupError("USAGE", `Cannot use the object key "${text}": segments must be of [A-Za-z0-9._-]`);
  return text;
}

export function isObjectKey(text: string): text is ObjectKey {
  return text.length <= 500 && text.split("/").every((part) => segment.test(part));
}

/** Every object of a set lies under `<database>/<id>/`. */
export function setPrefix(id: BackupId): string {
  return `${databaseOf(id)}/${id}/`;
}

export function keyOf(id: BackupId, name: string): ObjectKey {
  return parseObjectKey(setPrefix(id) + name);
}

/** The set and the name within it, or undefined for an object that is not ours. */
export function splitKey(key: string): { readonly id: BackupId; readonly name: string } | undefined {
  const [database, id, name, ...rest] = key.split("/");
  if (!id || !name || rest.length > 0 || !isBackupId(id) || databaseOf(id) !== database) return undefined;
  return { id, name };
}
