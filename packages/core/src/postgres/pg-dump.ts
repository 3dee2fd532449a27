import { join } from "node:path";
import { type Algorithm, chooseAlgorithm, levelOf } from "../bytes/compression.ts";
import { writeStream } from "../bytes/write-stream.ts";
import type { CompressionConfig, DumpConfig } from "../config/config.ts";
import { BackupError, stderrOf } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { Part } from "../model/manifest.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";
import type { ClientPrograms } from "./client-programs.ts";

export interface DumpRequest {
  readonly client: ClientPrograms;
  readonly environment: Readonly<Record<string, string>>;
  readonly dump: DumpConfig;
  readonly compression: CompressionConfig;
  readonly stages: ReadonlyMap<string, Stage>;
  readonly processes: ProcessRunner;
  /** Name of the object without its ending, for instance `shop_db_backup_20261124_020000`. */
  readonly baseName: string;
  /** An empty folder for the result and, with several jobs, for pg_dump's own folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface Dumped {
  readonly part: Part;
  /** `gzip`, `zstd` or `none`: done by pg_dump itself with several jobs, by a stage of ours with one. */
  readonly algorithm: Algorithm;
}

/**
 * Dumps one database into one file of `folder`. One job: custom format, its bytes handed to the compressor without passing
 * through this process. Several: directory format, compressed by pg_dump's workers, sealed as one tar.
 * The digest is taken in the stream, before the disk has seen a byte.
 * @throws DUMP_FAILED, DISK_FULL
 */
export async function dumpDatabase(request: DumpRequest): Promise<Dumped> {
  try {
    return request.dump.jobs > 1 ? await dumpDirectory(request) : await dumpCustom(request);
  } catch (error) {
    throw request.signal.aborted ? request.signal.reason : dumpError(error);
  }
}

async function dumpCustom(request: DumpRequest): Promise<Dumped> {
  const algorithm = chooseAlgorithm(request.compression, { major: request.client.major, directory: false });
  const stage = algorithm === "none" ? undefined : request.stages.get(algorithm);
  const name = `${request.baseName}.custom${stage?.suffix ?? ""}`;
  const command = pgDump(request, ["--format=custom", "--compress=0"]);
  const chain = await request.processes.start(stage ? [command, stage.apply()] : [command], {
    signal: request.signal,
  });
  const stored = await writeStream(chain.output, join(request.folder, name), { signal: request.signal });
  await chain.done;
  return {
    part: { role: "dump", name, format: "custom", stages: stage ? [stage.name] : [], stored },
    algorithm,
  };
}

async function dumpDirectory(request: DumpRequest): Promise<Dumped> {
  const algorithm = chooseAlgorithm(request.compression, { major: request.client.major, directory: true });
  const level = algorithm === "none" ? 0 : levelOf(request.compression, algorithm);
  const compress = algorithm === "zstd" ? `--compress=zstd:${level}` : `--compress=${level}`;
  const inner = join(request.folder, "dump");
  await request.processes.run(
    pgDump(request, ["--format=directory", `--jobs=${request.dump.jobs}`, compress, `--file=${inner}`]),
    {
      signal: request.signal,
    },
  );
  const name = `${request.baseName}.tar`;
  const stored = await sealFolder(inner, join(request.folder, name), request);
  return { part: { role: "dump", name, format: "directory", stages: [], stored }, algorithm };
}

/** One tar of a folder's files, named in order, owned by nobody in particular; each file is removed once it is in. */
async function sealFolder(folder: string, path: string, request: DumpRequest): Promise<Digest> {
  const args = [
    "--create",
    "--format=gnu",
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--remove-files",
    "-C",
    folder,
    ".",
  ];
  const chain = await request.processes.start([{ program: "tar", args }], { signal: request.signal });
  const digest = await writeStream(chain.output, path, { signal: request.signal });
  await chain.done;
  return digest;
}

function pgDump(
  request: DumpRequest,
  format: readonly string[],
): { program: string; args: readonly string[]; env: Readonly<Record<string, string>> } {
  const args = [...format, "--no-sync", "--no-password", `--lock-wait-timeout=${request.dump.lockTimeoutMs}`];
  return { program: request.client.pgDump, args, env: request.environment };
}

function dumpError(error: unknown): unknown {
  if (!(error instanceof BackupError) || error.code !== "PROGRAM_FAILED") return error;
  const said = stderrOf(error);
  if (/No space left on device|Disk quota exceeded/.test(said))
    return new BackupError("DISK_FULL", "Cannot dump: the disk is full", { cause: error });
  // pg_dump carries --lock-wait-timeout out as a statement timeout around LOCK TABLE.
  if (/due to (lock|statement) timeout[\s\S]*LOCK TABLE|could not obtain lock/.test(said))
    return new BackupError("DUMP_LOCKED", `Cannot dump: a table stays locked: ${said.trim()}`, {
      cause: error,
    });
  return new BackupError("DUMP_FAILED", error.message.replace("Cannot finish", "Cannot dump:"), {
    cause: error,
    ...(error.details && { details: error.details }),
  });
}
