import type { VerificationLevel } from "../model/manifest.ts";
import type { Secret } from "./secret.ts";

/** A configuration, validated, with defaults filled in, variables resolved and durations in milliseconds. */
export interface Config {
  /** Absolute path of the file. */
  readonly path: string;
  readonly databases: readonly DatabaseConfig[];
  readonly dump: DumpConfig;
  readonly compression: CompressionConfig;
  readonly verify: { readonly level: Exclude<VerificationLevel, "drill"> };
  readonly plugins: readonly PluginConfig[];
  /** Absolute; by default `$XDG_STATE_HOME/restorable`, or `/var/lib/restorable` for root. */
  readonly stateFolder: string;
}

export interface DatabaseConfig {
  /** Names sets and folders: [A-Za-z0-9][A-Za-z0-9._-]{0,62}. */
  readonly name: string;
  readonly connection: ConnectionConfig;
  /** Prefix of file names; default `<name>_db_backup`. */
  readonly prefix: string;
}

/** As libpq knows it: a URI or separate fields, or nothing, and then `PG*`, service file and passfile. */
export interface ConnectionConfig {
  /** postgresql://… with parameters; a secret when it holds a password. */
  readonly uri?: Secret;
  /** libpq keywords: host, hostaddr, port, user, dbname, service, passfile, sslmode, sslrootcert, sslcert, sslkey, connect_timeout, options. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly password?: Secret;
}

export interface DumpConfig {
  /** 1 writes custom format, more writes directory format. */
  readonly jobs: number;
  readonly lockTimeoutMs: number;
}

export interface CompressionConfig {
  /** `auto`: zstd where pg_dump or the program `zstd` offers it, else gzip. */
  readonly algorithm: "auto" | "zstd" | "gzip" | "none";
  /** Absent: the algorithm's own sensible level. */
  readonly level?: number;
}

export interface PluginConfig {
  /** A package name, or a path. */
  readonly use: string;
  /** Checked against the plugin's own schema. */
  readonly options: unknown;
}
