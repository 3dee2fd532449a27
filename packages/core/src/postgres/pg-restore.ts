import { createReadStream } from "node:fs";
import { type UnpackOptions, undoStages, unpackDump } from "../bytes/unpack.ts";
import { asBackupError, BackupError, stderrOf } from "../errors.ts";
import type { Part } from "../model/manifest.ts";
import type { Command } from "../ports/process-runner.ts";
import type { ClientPrograms } from "./client-programs.ts";

export interface RestoreDump extends UnpackOptions {
  readonly client: ClientPrograms;
  readonly environment: Readonly<Record<string, string>>;
  readonly database: string;
  readonly jobs: number;
  /** False leaves out owners and grants. */
  readonly owners: boolean;
  /** Folder for what must be unpacked. */
  readonly scratch: string;
}

/**
 * Restores a stored dump into an empty database. The tables' definitions and their data stop at the first error.
 * What follows (indexes, keys, triggers) goes on, and every object that could not be made is told.
 * @returns what could not be made after the data; empty when all is there
 * @throws RESTORE_FAILED
 */
export async function restoreDump(
  part: Pick<Part, "stages" | "format" | "name">,
  path: string,
  request: RestoreDump,
): Promise<readonly string[]> {
  try {
    if (part.format === "custom" && request.jobs === 1 && part.stages.length > 0) {
      const feed = createReadStream(path, { highWaterMark: 1 << 20 });
      const chain = await request.processes.start(
        [...undoStages(part, request.stages), pgRestore(request, ["--exit-on-error"])],
        { input: feed, signal: request.signal },
      );
      chain.output.resume();
      await chain.done;
      return [];
    }
    const archive = await unpackDump(part, path, request.scratch, request);
    await request.processes.run(
      pgRestore(request, ["--section=pre-data", "--exit-on-error", archive]),
      request,
    );
    return await dataAndAfter(archive, request);
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    const known = asBackupError(error);
    throw known.code === "PROGRAM_FAILED"
      ? new BackupError("RESTORE_FAILED", known.message.replace("Cannot finish", "Cannot restore:"), {
          cause: error,
        })
      : error;
  }
}

/** One parallel pass, in which indexes are built while other tables still load; only failures after the data are forgiven. */
async function dataAndAfter(archive: string, request: RestoreDump): Promise<readonly string[]> {
  const args = ["--section=data", "--section=post-data", `--jobs=${request.jobs}`, archive];
  try {
    await request.processes.run(pgRestore(request, args), request);
    return [];
  } catch (error) {
    const known = asBackupError(error);
    const said = stderrOf(known);
    const entries = [...said.matchAll(/from TOC entry \d+; \d+ \d+ (.+)/g)].map((match) => match[1] ?? "");
    const data =
      entries.some((entry) =>
        /^(TABLE DATA|BLOBS?|BLOB DATA|SEQUENCE SET|MATERIALIZED VIEW DATA)\b/.test(entry),
      ) || /COPY failed/.test(said);
    if (entries.length === 0 || data || request.signal.aborted) throw error;
    return entries;
  }
}

function pgRestore(request: RestoreDump, args: readonly string[]): Command {
  const owners = request.owners ? [] : ["--no-owner", "--no-privileges"];
  return {
    program: request.client.pgRestore,
    args: ["--no-password", `--dbname=${connectionString(request.database)}`, ...owners, ...args],
    env: request.environment,
  };
}

/** pg_restore takes a bare name for a connection string when it holds "=" or looks like a URI. */
function connectionString(database: string): string {
  return `dbname='${database.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
