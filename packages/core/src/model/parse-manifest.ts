import { BackupError } from "../errors.ts";
import { isBackupId } from "./backup-id.ts";
import type { Manifest } from "./manifest.ts";

/** Bytes of manifest.json. */
export function serialiseManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Reads a manifest, trusting nothing. By hand rather than by ajv, whose start would cost every `list` a tenth of a second.
 * @throws MANIFEST_INVALID saying what is wrong; MANIFEST_TOO_NEW for a later version
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new BackupError("MANIFEST_INVALID", "Cannot read the manifest: it is no JSON", { cause });
  }
  const manifest = record(value, "the manifest");
  const version = manifest["version"];
  if (typeof version === "number" && version > 1) throw new BackupError("MANIFEST_TOO_NEW", `Cannot read the manifest: its version is ${version}, and this program knows 1`);
  expect(version === 1, "version");
  expect(typeof manifest["id"] === "string" && isBackupId(manifest["id"]), "id");
  expect(typeof manifest["database"] === "string", "database");
  expect(manifest["kind"] === "full" || manifest["kind"] === "partial", "kind");
  expect(typeof manifest["createdAt"] === "string" && !Number.isNaN(Date.parse(manifest["createdAt"])), "createdAt");
  const server = record(manifest["server"], "server");
  for (const field of ["version", "databaseName", "systemIdentifier", "encoding", "collate", "ctype"]) expect(typeof server[field] === "string", `server.${field}`);
  for (const field of ["versionNumber", "major", "databaseBytes"]) expect(typeof server[field] === "number", `server.${field}`);
  for (const field of ["extensions", "roles"]) expect(Array.isArray(server[field]), `server.${field}`);
  const tool = record(manifest["tool"], "tool");
  expect(typeof tool["pgDumpMajor"] === "number" && typeof tool["pgDump"] === "string", "tool");
  const { parts, checks } = manifest;
  if (!Array.isArray(parts) || parts.length === 0) throw invalid("parts");
  parts.forEach((part: unknown, index) => checkPart(record(part, `parts[${index}]`), `parts[${index}]`));
  if (!Array.isArray(checks)) throw invalid("checks");
  checks.forEach((check: unknown, index) => expect(typeof record(check, `checks[${index}]`)["level"] === "string", `checks[${index}].level`));
  return value as Manifest;
}

function checkPart(part: Readonly<Record<string, unknown>>, where: string): void {
  expect(typeof part["name"] === "string" && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part["name"]), `${where}.name`);
  expect(typeof part["role"] === "string", `${where}.role`);
  expect(["custom", "directory", "text", "json"].includes(String(part["format"])), `${where}.format`);
  expect(Array.isArray(part["stages"]) && part["stages"].every((stage) => typeof stage === "string"), `${where}.stages`);
  const stored = record(part["stored"], `${where}.stored`);
  expect(typeof stored["sha256"] === "string" && /^[0-9a-f]{64}$/.test(stored["sha256"]), `${where}.stored.sha256`);
  expect(Number.isSafeInteger(stored["bytes"]) && Number(stored["bytes"]) >= 0, `${where}.stored.bytes`);
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(where);
  return value as Readonly<Record<string, unknown>>;
}

function expect(holds: boolean, where: string): void {
  if (!holds) throw invalid(where);
}

function invalid(where: string): BackupError {
  return new BackupError("MANIFEST_INVALID", `Cannot read the manifest: "${where}" is missing or malformed`);
}
