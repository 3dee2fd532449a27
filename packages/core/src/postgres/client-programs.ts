import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BackupError } from "../errors.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";

/** The programs of one PostgreSQL version; paths are absolute. */
export interface ClientPrograms {
  readonly major: number;
  /** As `pg_dump --version` says, for instance `15.18`. */
  readonly version: string;
  readonly folder: string;
  readonly pgDump: string;
  readonly pgRestore: string;
  readonly psql: string;
  readonly pgDumpall: string;
}

export interface ClientSearch {
  readonly processes: ProcessRunner;
  /** Folders of programs to look in, instead of the packages' usual places and PATH. */
  readonly searchFolders?: readonly string[];
}

/** Packages put version N into `<base><N>/bin`. */
const packageBases = [
  "/usr/lib/postgresql/",
  "/usr/pgsql-",
  "/usr/lib/postgresql",
  "/opt/homebrew/opt/postgresql@",
  "/usr/local/opt/postgresql@",
  "/Library/PostgreSQL/",
] as const;

/**
 * Programs that can dump a server: of its own version, else of the next newer one there is.
 * @throws CLIENT_MISSING naming the package
 */
export async function findClient(
  search: ClientSearch & { readonly serverMajor: number },
): Promise<ClientPrograms> {
  const found = await installedClients(search);
  const client = found.find(({ major }) => major >= search.serverMajor);
  if (client) return client;
  throw missing(`Cannot dump PostgreSQL ${search.serverMajor}: ${have(found)}`, search.serverMajor);
}

/**
 * Programs that can read a dump and write it into a server. pg_restore reads archives of its own version and of older ones;
 * from 17 on it writes SET transaction_timeout, which servers up to 16 reject.
 * @throws CLIENT_MISSING saying what is missing and why
 */
export async function findRestoreClient(
  search: ClientSearch & { readonly dumpMajor: number; readonly targetMajor: number },
): Promise<ClientPrograms> {
  const { dumpMajor, targetMajor } = search;
  const found = await installedClients(search);
  const fits = (major: number): boolean => major >= dumpMajor && (major <= 16 || targetMajor >= 17);
  const client =
    found.find(({ major }) => major === targetMajor && fits(major)) ?? found.find(({ major }) => fits(major));
  if (client) return client;
  if (dumpMajor > 16 && targetMajor <= 16) {
    throw new BackupError(
      "CLIENT_MISSING",
      `Cannot restore a dump of pg_dump ${dumpMajor} into PostgreSQL ${targetMajor}: only pg_restore ${dumpMajor} or newer reads it, and that writes settings which servers before 17 reject`,
      {
        hint: "Restore into PostgreSQL 17 or newer",
      },
    );
  }
  const wanted = Math.max(targetMajor, dumpMajor);
  throw missing(
    `Cannot restore a dump of pg_dump ${dumpMajor} into PostgreSQL ${targetMajor}: ${have(found)}`,
    wanted,
  );
}

/** Every complete set of programs on this machine, oldest first; the first folder of a version counts. */
async function installedClients(search: ClientSearch): Promise<readonly ClientPrograms[]> {
  const found = new Map<number, ClientPrograms>();
  for (const folder of search.searchFolders ?? (await usualFolders(search.processes))) {
    const client = await clientIn(folder, search.processes);
    if (client && !found.has(client.major)) found.set(client.major, client);
  }
  return [...found.values()].sort((a, b) => a.major - b.major);
}

/**
 * The newest server of this machine that can run a throw-away cluster and has its client programs beside it.
 * @throws SETUP_INCOMPLETE naming the package
 */
export async function findServerFolder(
  processes: ProcessRunner,
  searchFolders?: readonly string[],
): Promise<{ readonly major: number; readonly folder: string }> {
  const clients = await installedClients({ processes, ...(searchFolders && { searchFolders }) });
  for (const { major, folder } of clients.toReversed()) {
    const programs = await Promise.all(
      ["initdb", "postgres", "pg_ctl"].map((name) => processes.find(join(folder, name))),
    );
    if (programs.every((path) => path !== undefined)) return { major, folder };
  }
  throw new BackupError(
    "SETUP_INCOMPLETE",
    "Cannot start a PostgreSQL server of our own: no server programs are installed",
    { hint: "Install the package postgresql" },
  );
}

async function usualFolders(processes: ProcessRunner): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const base of packageBases) {
    const parent = base.endsWith("/") ? base.slice(0, -1) : dirname(base);
    const prefix = base.endsWith("/") ? "" : basename(base);
    for (const name of await readdir(parent).catch(() => [])) {
      if (name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
        folders.push(join(parent, name, "bin"));
    }
  }
  const inPath = await processes.find("pg_dump");
  return inPath === undefined ? folders : [...folders, dirname(inPath)];
}

async function clientIn(folder: string, processes: ProcessRunner): Promise<ClientPrograms | undefined> {
  const [pgDump, pgRestore, psql, pgDumpall] = await Promise.all(
    ["pg_dump", "pg_restore", "psql", "pg_dumpall"].map((name) => processes.find(join(folder, name))),
  );
  if (!pgDump || !pgRestore || !psql || !pgDumpall) return undefined;
  // Debian's wrapper picks a version by itself, and not always the one it tells.
  if (basename(await realpath(pgDump)) === "pg_wrapper") return undefined;
  const said = await processes.run({ program: pgDump, args: ["--version"] }).catch(() => undefined);
  const version = /\(PostgreSQL\) (\d+)([^\s]*)/.exec(said?.stdout ?? "");
  if (!version) return undefined;
  return {
    major: Number(version[1]),
    version: `${version[1]}${version[2]}`,
    folder,
    pgDump,
    pgRestore,
    psql,
    pgDumpall,
  };
}

function have(found: readonly ClientPrograms[]): string {
  return found.length === 0
    ? "no PostgreSQL client programs are installed"
    : `only client programs ${found.map(({ version }) => version).join(", ")} are installed`;
}

function missing(message: string, major: number): BackupError {
  return new BackupError("CLIENT_MISSING", message, {
    hint: `Install the package postgresql-client-${major}`,
    details: { package: `postgresql-client-${major}` },
  });
}
