import { join } from "node:path";
import type { CompressionConfig, Config, ConnectionConfig, DatabaseConfig, PluginConfig } from "./config.ts";
import { parseDurationMs } from "./duration.ts";
import type { Mistake } from "./mistakes.ts";
import { absolutePath } from "./paths.ts";
import { defaults } from "./schema.ts";
import { secret } from "./secret.ts";

/** The file's value after it passed the schema. */
interface CheckedConfig {
  readonly databases: readonly CheckedDatabase[];
  readonly dump?: { readonly jobs?: number; readonly lockTimeout?: string };
  readonly compression?: CompressionConfig["algorithm"] | Partial<CompressionConfig>;
  readonly verify?: { readonly level?: "checksum" | "decode" };
  readonly plugins: readonly { readonly use: string; readonly options?: unknown }[];
  readonly state?: string;
}
interface CheckedDatabase {
  readonly name?: string;
  readonly connection: string | Readonly<Record<string, string | number>>;
  readonly password?: string;
  readonly prefix?: string;
}

export interface BuildContext {
  readonly path: string;
  readonly folder: string;
  readonly home: string;
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Fills in defaults and finds what a schema cannot: names that are missing or used twice, a level that gzip does not have. */
export function buildConfig(
  checked: unknown,
  context: BuildContext,
): { config: Config; mistakes: Mistake[] } {
  const raw = checked as CheckedConfig;
  const databases = raw.databases.map((database) => buildDatabase(database, context));
  const compression =
    typeof raw.compression === "string" ? { algorithm: raw.compression } : (raw.compression ?? {});
  const config: Config = {
    path: context.path,
    databases,
    dump: {
      jobs: raw.dump?.jobs ?? defaults.jobs,
      lockTimeoutMs: parseDurationMs(raw.dump?.lockTimeout ?? defaults.lockTimeout),
    },
    compression: { ...compression, algorithm: compression.algorithm ?? defaults.algorithm },
    verify: { level: raw.verify?.level ?? defaults.level },
    plugins: raw.plugins.map(({ use, options }): PluginConfig => ({ use, options: options ?? {} })),
    stateFolder: stateFolder(raw.state, context),
  };
  return { config, mistakes: [...nameMistakes(databases), ...levelMistakes(config.compression)] };
}

function stateFolder(written: string | undefined, { folder, home, uid, environment }: BuildContext): string {
  if (written !== undefined) return absolutePath(written, folder, home);
  // Root always has one place, whatever sudo keeps of the user's variables: the locks lie there.
  if (uid === 0) return "/var/lib/restorable";
  return join(environment["XDG_STATE_HOME"] || join(home, ".local/state"), "restorable");
}

const databaseName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

function buildDatabase(database: CheckedDatabase, context: BuildContext): DatabaseConfig {
  const { connection } = database;
  const dbname = typeof connection === "string" ? nameInUri(connection) : connection["dbname"];
  const name = database.name ?? (databaseName.test(String(dbname ?? "")) ? String(dbname) : "");
  return {
    name,
    prefix: database.prefix ?? `${name}_db_backup`,
    connection: {
      ...buildConnection(connection, context),
      ...(database.password !== undefined && { password: secret(database.password) }),
    },
  };
}

function buildConnection(
  connection: CheckedDatabase["connection"],
  { folder, home }: BuildContext,
): ConnectionConfig {
  if (typeof connection === "string") return { uri: secret(connection), parameters: {} };
  const isFile = (keyword: string, value: string): boolean =>
    ["passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl"].includes(keyword) && value !== "system";
  const entries = Object.entries(connection).map(([keyword, value]) => [
    keyword,
    isFile(keyword, String(value)) ? absolutePath(String(value), folder, home) : String(value),
  ]);
  return { parameters: Object.fromEntries(entries) as Record<string, string> };
}

/** The database that a URI names: its path, or `?dbname=`. Several hosts are allowed, so `URL` cannot read it. */
function nameInUri(uri: string): string | undefined {
  const match = /^postgres(?:ql)?:\/\/[^/?#]*(?:\/([^?#]*))?(?:\?([^#]*))?/.exec(uri);
  const written = new URLSearchParams(match?.[2] ?? "").get("dbname") ?? match?.[1];
  try {
    return written ? decodeURIComponent(written) : undefined;
  } catch {
    return undefined;
  }
}

function nameMistakes(databases: readonly DatabaseConfig[]): Mistake[] {
  return databases.flatMap(({ name }, index): Mistake[] => {
    const path = `databases[${index}].name`;
    if (name === "")
      return [
        {
          path,
          found: "nothing, and the connection names no database that could serve",
          allowed: "1 to 63 letters, digits, '.', '_' or '-'",
        },
      ];
    const first = databases.findIndex((other) => other.name === name);
    return first === index
      ? []
      : [
          {
            path,
            found: `'${name}', which databases[${first}] has already`,
            allowed: "a name of its own for every database",
          },
        ];
  });
}

function levelMistakes({ algorithm, level }: CompressionConfig): Mistake[] {
  if (level === undefined) return [];
  const most = algorithm === "zstd" ? 19 : 9;
  if (level <= most && algorithm !== "none") return [];
  const allowed =
    algorithm === "none"
      ? "no level with algorithm none"
      : algorithm === "zstd"
        ? "1 to 19"
        : `1 to 9 with algorithm ${algorithm}`;
  return [{ path: "compression.level", found: String(level), allowed }];
}
