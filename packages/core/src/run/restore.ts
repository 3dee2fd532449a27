import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { requireSpace } from "../bytes/spool.ts";
import type { ConnectionConfig } from "../config/config.ts";
import { BackupError } from "../errors.ts";
import { compactTime } from "../model/backup-id.ts";
import { type Manifest, type Part, storedBytes } from "../model/manifest.ts";
import { type ClientPrograms, findClient, findRestoreClient } from "../postgres/client-programs.ts";
import { programEnvironment, resolveConnection } from "../postgres/connection.ts";
import { restoreDump } from "../postgres/pg-restore.ts";
import { connect, type Session } from "../postgres/session.ts";
import {
  createDatabase,
  databaseExists,
  dropDatabase,
  quoteIdentifier,
  requireEmpty,
  requireRolesAndExtensions,
} from "../postgres/target-database.ts";
import type { RunEnvironment } from "./environment.ts";
import { stagesOf } from "./places.ts";
import { withScratch } from "./scratch.ts";
import { type FoundSet, fetchPart } from "./stored-set.ts";

export interface RestoreRequest {
  /** A stored set, or a lone file that no manifest speaks for. */
  readonly from: FoundSet | { readonly file: string };
  readonly connection: ConnectionConfig;
  /** Default: `<database>_restored_<time>`. Made if missing; must be empty. */
  readonly database?: string;
  /** The database must not exist yet. */
  readonly mustBeNew: boolean;
  readonly jobs: number;
  /** False leaves out owners and grants. */
  readonly owners: boolean;
}

export interface RestoreReport {
  readonly source: string;
  readonly database: string;
  readonly created: boolean;
  /** Whether every byte was compared with a manifest first. */
  readonly proved: boolean;
  readonly bytes: number;
  readonly durationMs: number;
  /** Objects after the data (indexes, keys, triggers) that could not be made. */
  readonly missing: readonly string[];
}

/**
 * Restores into a new or empty database, never over anything. What was made for a restore that fails is removed again.
 * @throws RESTORE_REFUSED, RESTORE_FAILED, VERIFICATION_FAILED, BACKUP_NOT_FOUND, DISK_FULL, CLIENT_MISSING
 */
export async function restore(request: RestoreRequest, environment: RunEnvironment): Promise<RestoreReport> {
  const begun = environment.clock.monotonicMs();
  return await withScratch(environment, async (scratch) => {
    const { part, path, manifest, bytes } = await obtain(request, scratch, environment);
    if (part.format === "directory" || (part.stages.length > 0 && request.jobs > 1))
      await requireSpace(scratch, bytes * (part.stages.length > 0 ? 8 : 1));
    const target = await resolveConnection(request.connection, environment.environmentVariables);
    const applicationName = "restorable/restore";
    const server = await connectToServer(target, applicationName);
    try {
      const [version] = await server.query<{ number: string }>(
        "SELECT current_setting('server_version_num') AS number",
      );
      const targetMajor = Math.floor(Number(version?.number) / 10000);
      const client: ClientPrograms = manifest
        ? await findRestoreClient({
            dumpMajor: manifest.tool.pgDumpMajor,
            targetMajor,
            processes: environment.processes,
          })
        : await findClient({ serverMajor: targetMajor, processes: environment.processes });
      if (manifest) await requireRolesAndExtensions(server, manifest.server, request.owners);
      const database =
        request.database ??
        `${manifest?.server.databaseName ?? lonelyName(path)}_restored_${compactTime(environment.clock.now())}`;
      const existed = await databaseExists(server, database);
      if (existed && request.mustBeNew)
        throw new BackupError("RESTORE_REFUSED", `Cannot restore into "${database}": it exists already`, {
          hint: "Choose another name",
        });
      if (!existed) await createDatabase(server, database, manifest?.server, targetMajor);
      try {
        const inside = await connect(target, { database, applicationName });
        try {
          await requireEmpty(inside, database);
          const missing = await restoreDump(part, path, {
            client,
            environment: { ...programEnvironment(inside.target), PGAPPNAME: applicationName },
            database,
            jobs: request.jobs,
            owners: request.owners,
            scratch,
            stages: await stagesOf(environment),
            processes: environment.processes,
            signal: environment.signal,
          });
          await inside.query("ANALYZE");
          const durationMs = Math.round(environment.clock.monotonicMs() - begun);
          return {
            source: manifest?.id ?? path,
            database,
            created: !existed,
            proved: manifest !== undefined,
            bytes,
            durationMs,
            missing,
          };
        } finally {
          await inside.close();
        }
      } catch (error) {
        if (!existed) await dropDatabase(server, database);
        else if ((error as BackupError).code !== "RESTORE_REFUSED")
          environment.log.warn(`The database ${quoteIdentifier(database)} holds part of a restore`);
        throw error;
      }
    } finally {
      await server.close();
    }
  });
}

/** The backed-up database may be gone on the worst day, so the maintenance databases serve as well. */
async function connectToServer(
  target: Awaited<ReturnType<typeof resolveConnection>>,
  applicationName: string,
): Promise<Session> {
  let first: unknown;
  for (const database of ["postgres", "template1"]) {
    try {
      return await connect(target, { database, applicationName });
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

interface Obtained {
  readonly part: Pick<Part, "stages" | "format" | "name">;
  readonly path: string;
  readonly manifest?: Manifest;
  readonly bytes: number;
}

async function obtain(
  request: RestoreRequest,
  scratch: string,
  environment: RunEnvironment,
): Promise<Obtained> {
  if ("file" in request.from) return await loneFile(request.from.file);
  const { manifest } = request.from;
  const part = manifest.parts.find((one) => one.role === "dump");
  if (!part) throw new BackupError("MANIFEST_INVALID", `Cannot restore ${manifest.id}: it holds no dump`);
  return {
    part,
    path: await fetchPart(request.from, part, scratch, environment),
    manifest,
    bytes: storedBytes(manifest),
  };
}

/** A file of the old scripts, or a part taken out of its set: what it is, its first bytes tell. */
async function loneFile(path: string): Promise<Obtained> {
  const bytes = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (bytes === undefined)
    throw new BackupError("BACKUP_NOT_FOUND", `Cannot restore "${path}": there is no such file`, {
      hint: "Check the path",
    });
  const file = await open(path, "r");
  const head = Buffer.alloc(512);
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  const magic = head.subarray(0, 4).toString("hex");
  const name = basename(path);
  if (head.subarray(0, 5).toString("latin1") === "PGDMP")
    return { part: { name, format: "custom", stages: [] }, path, bytes };
  if (magic.startsWith("1f8b")) return { part: { name, format: "custom", stages: ["gzip"] }, path, bytes };
  if (magic === "28b52ffd") return { part: { name, format: "custom", stages: ["zstd"] }, path, bytes };
  if (head.subarray(257, 262).toString("latin1") === "ustar")
    return { part: { name, format: "directory", stages: [] }, path, bytes };
  throw new BackupError(
    "RESTORE_REFUSED",
    `Cannot restore "${path}": it is no pg_dump archive (custom format, or a tar of a directory, perhaps compressed)`,
    {
      hint: "Plain SQL is restored with psql; see the file's own beginning",
    },
  );
}

function lonelyName(path: string): string {
  return (
    basename(path).replace(/(_db_backup)?(_\d{8}_\d{6})?(\.(custom|tar|dump|gz|zst))+$/, "") || "database"
  );
}
