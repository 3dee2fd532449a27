import type { BackupId } from "./backup-id.ts";
import type { Digest } from "./digest.ts";

/** Whole database, or a part of it (filters); a partial set never counts for retention. */
export type BackupKind = "full" | "partial";
export type PartRole = "dump" | "globals" | "settings" | "fingerprint";
/** Weak to strong. `checksum`: every byte against the digest taken in the stream. `decode`: every data block read. */
export type VerificationLevel = "checksum" | "decode" | "drill";
export const verificationLevels: readonly VerificationLevel[] = ["checksum", "decode", "drill"];

/** How the bytes of a part are laid out before our own stages. `directory` is pg_dump's folder, sealed as one tar. */
export type PartFormat = "custom" | "directory" | "text" | "json";

/** One object of the set. */
export interface Part {
  readonly role: PartRole;
  /** Name of the object within the set. */
  readonly name: string;
  readonly format: PartFormat;
  /** Names of the stages that were applied, first to last; a restore undoes them last to first. */
  readonly stages: readonly string[];
  /** What is stored, after every stage. */
  readonly stored: Digest;
  /** What went into the first stage, where it passed through this process. */
  readonly content?: Digest;
}

/** What a restore must know of the server that was backed up. */
export interface ServerFacts {
  /** As in `150018`. */
  readonly versionNumber: number;
  readonly major: number;
  readonly version: string;
  /** Database name on the server; `Manifest.database` is the name in the configuration. */
  readonly databaseName: string;
  readonly systemIdentifier: string;
  readonly encoding: string;
  /** `c` libc, `i` icu, `b` builtin. */
  readonly localeProvider: "c" | "i" | "b";
  readonly collate: string;
  readonly ctype: string;
  /** ICU or builtin locale, where the provider has one. */
  readonly locale?: string;
  readonly icuRules?: string;
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** Roles that own something, are granted something or appear in a policy of this database. */
  readonly roles: readonly string[];
  readonly databaseBytes: number;
}

export interface ToolFacts {
  /** Version of this program. */
  readonly restorable: string;
  /** As `pg_dump --version` says, for instance `15.18`. */
  readonly pgDump: string;
  readonly pgDumpMajor: number;
}

export interface Check {
  readonly level: VerificationLevel;
  /** Name of the plugin that checked. */
  readonly by: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** One backup set. Stored last and removed first: the backup exists if and only if its manifest does. */
export interface Manifest {
  readonly version: 1;
  readonly id: BackupId;
  /** Name of the database in the configuration. */
  readonly database: string;
  readonly kind: BackupKind;
  /** ISO 8601, UTC; the server's time when the dump's snapshot was about to be taken. */
  readonly createdAt: string;
  readonly server: ServerFacts;
  readonly tool: ToolFacts;
  readonly parts: readonly Part[];
  readonly checks: readonly Check[];
  /** For incrementals and WAL, later. */
  readonly parent?: BackupId;
}

export const manifestName = "manifest.json";
export const restoreGuideName = "RESTORE.md";

/** Bytes of all parts as stored. */
export function storedBytes(manifest: Manifest): number {
  return manifest.parts.reduce((sum, part) => sum + part.stored.bytes, 0);
}
