import { BackupError } from "../errors.ts";
import { databaseOf, isBackupId } from "./backup-id.ts";
import { type Manifest, manifestName, restoreGuideName, verificationLevels } from "./manifest.ts";
import { isObjectKey } from "./object-key.ts";

/** A manifest holds no lists that grow with the data: what is larger was not written by this program. */
export const largestManifest: number = 4 * 1024 * 1024;

/**
 * Reads a manifest of this or an older version. Fields that it does not know are kept and ignored, so that version 1 can grow.
 * Checked by hand: a list of ten thousand sets must not wait for a schema compiler.
 * @throws MANIFEST_TOO_NEW, MANIFEST_INVALID with the path of the first thing that is wrong
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > largestManifest) throw invalid(`it has ${bytes.length} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid("it is no JSON", error);
  }
  const root = object(value, "manifest");
  const version = root["version"];
  if (typeof version === "number" && Number.isInteger(version) && version > 1) {
    throw new BackupError(
      "MANIFEST_TOO_NEW",
      `Cannot read the manifest: it is of version ${version}, and this program knows version 1`,
    );
  }
  if (version !== 1) throw wrong("version", "1");
  checkRoot(root);
  return root as unknown as Manifest;
}

/** Two spaces of indentation: people read it too, on the day they have nothing else. */
export function serialiseManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
}

type Fields = Readonly<Record<string, unknown>>;

function checkRoot(root: Fields): void {
  const id = text(root, "id");
  const database = text(root, "database");
  if (!isBackupId(id)) throw wrong("id", "a backup id");
  if (databaseOf(id) !== database) throw wrong("database", `the database of "${id}"`);
  oneOf(root, "kind", ["full", "partial"]);
  time(root, "createdAt");
  if (root["parent"] !== undefined && !isBackupId(text(root, "parent"))) throw wrong("parent", "a backup id");
  checkServer(object(root["server"], "server"));
  const tool = object(root["tool"], "tool");
  text(tool, "restorable", "tool.");
  text(tool, "pgDump", "tool.");
  count(tool, "pgDumpMajor", "tool.");
  const names = list(root, "parts").map((part, index) =>
    checkPart(object(part, `parts[${index}]`), `parts[${index}].`),
  );
  if (names.length === 0) throw wrong("parts", "a list of at least one part");
  if (new Set(names).size < names.length) throw wrong("parts", "a list of parts with different names");
  for (const [index, value] of list(root, "checks").entries()) {
    const check = object(value, `checks[${index}]`);
    oneOf(check, "level", verificationLevels, `checks[${index}].`);
    text(check, "by", `checks[${index}].`);
    time(check, "at", `checks[${index}].`);
  }
}

/** Names become file names: one that leaves the set's folder or hides another object is refused. */
function checkPart(part: Fields, at: string): string {
  oneOf(part, "role", ["dump", "globals", "settings", "fingerprint"], at);
  oneOf(part, "format", ["custom", "directory", "text", "json"], at);
  const name = text(part, "name", at);
  const reserved = [manifestName, restoreGuideName, "pin.json"].includes(name) || name.startsWith("proof-");
  if (reserved || name.includes("/") || !isObjectKey(name)) throw wrong(`${at}name`, "the name of a part");
  for (const [index, stage] of list(part, "stages", at).entries()) {
    if (typeof stage !== "string" || stage === "")
      throw wrong(`${at}stages[${index}]`, "the name of a stage");
  }
  checkDigest(object(part["stored"], `${at}stored`), `${at}stored.`);
  if (part["content"] !== undefined) checkDigest(object(part["content"], `${at}content`), `${at}content.`);
  return name;
}

function checkDigest(digest: Fields, at: string): void {
  if (!/^[0-9a-f]{64}$/.test(text(digest, "sha256", at))) throw wrong(`${at}sha256`, "64 hexadecimal digits");
  count(digest, "bytes", at);
}

function checkServer(server: Fields): void {
  const at = "server.";
  for (const name of ["versionNumber", "major", "databaseBytes"]) count(server, name, at);
  for (const name of ["version", "databaseName", "systemIdentifier", "encoding", "collate", "ctype"])
    text(server, name, at);
  oneOf(server, "localeProvider", ["c", "i", "b"], at);
  for (const name of ["locale", "icuRules"]) {
    if (server[name] !== undefined && typeof server[name] !== "string") throw wrong(`${at}${name}`, "a text");
  }
  for (const [index, value] of list(server, "extensions", at).entries()) {
    const extension = object(value, `${at}extensions[${index}]`);
    text(extension, "name", `${at}extensions[${index}].`);
    text(extension, "version", `${at}extensions[${index}].`);
  }
  for (const [index, role] of list(server, "roles", at).entries()) {
    if (typeof role !== "string") throw wrong(`${at}roles[${index}]`, "a text");
  }
}

function object(value: unknown, path: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(path, "an object");
  return value as Fields;
}

function list(fields: Fields, name: string, at = ""): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw wrong(at + name, "a list");
  return value;
}

function text(fields: Fields, name: string, at = ""): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw wrong(at + name, "a text");
  return value;
}

function count(fields: Fields, name: string, at = ""): void {
  const value = fields[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(at + name, "a whole number");
}

function oneOf(fields: Fields, name: string, allowed: readonly string[], at = ""): void {
  if (!allowed.includes(text(fields, name, at))) throw wrong(at + name, `one of ${allowed.join(", ")}`);
}

/** ISO 8601 in UTC; anything else would mean another moment on another machine. */
function time(fields: Fields, name: string, at = ""): void {
  const value = text(fields, name, at);
  const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(value);
  if (!iso || Number.isNaN(Date.parse(value))) throw wrong(at + name, "a time in UTC");
}

function wrong(path: string, expected: string): BackupError {
  return invalid(`"${path}" is not ${expected}`);
}

function invalid(reason: string, cause?: unknown): BackupError {
  return new BackupError(
    "MANIFEST_INVALID",
    `Cannot read the manifest: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}
