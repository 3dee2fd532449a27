import { createReadStream } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type UnpackOptions, undoStages, unpackDump } from "../bytes/unpack.ts";
import { asBackupError, BackupError } from "../errors.ts";
import type { Part } from "../model/manifest.ts";
import type { ClientPrograms } from "./client-programs.ts";

/**
 * Reads every data block of a stored dump with pg_restore, writing nowhere: level `decode`.
 * A directory is read by two pg_restore at once, each with half of the table of contents.
 * @throws VERIFICATION_FAILED
 */
export async function decodeDump(
  part: Part,
  path: string,
  folder: string,
  client: ClientPrograms,
  options: UnpackOptions,
): Promise<void> {
  try {
    if (part.format === "directory")
      await decodeDirectory(await unpackDump(part, path, folder, options), folder, client, options);
    else await decodeStream(part, path, client, options);
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    const known = asBackupError(error);
    throw known.code === "PROGRAM_FAILED"
      ? new BackupError("VERIFICATION_FAILED", `Cannot decode "${part.name}": ${known.message}`, {
          cause: error,
        })
      : error;
  }
}

async function decodeStream(
  part: Part,
  path: string,
  client: ClientPrograms,
  options: UnpackOptions,
): Promise<void> {
  const restore = { program: client.pgRestore, args: ["--file=/dev/null"] };
  const chain = await options.processes.start([...undoStages(part, options.stages), restore], {
    input: createReadStream(path, { highWaterMark: 1 << 20 }),
    signal: options.signal,
  });
  chain.output.resume();
  await chain.done;
}

async function decodeDirectory(
  directory: string,
  folder: string,
  client: ClientPrograms,
  options: UnpackOptions,
): Promise<void> {
  const listing = await options.processes.run(
    { program: client.pgRestore, args: ["--list", directory] },
    { signal: options.signal },
  );
  const sizes = await fileSizes(directory);
  const halves = split(
    listing.stdout.split("\n").filter((line) => /^\d+;/.test(line)),
    sizes,
  );
  await Promise.all(
    halves.map(async (lines, index) => {
      const list = join(folder, `decode-${index}.list`);
      await writeFile(list, lines.join("\n"), { mode: 0o600 });
      await options.processes.run(
        { program: client.pgRestore, args: ["--file=/dev/null", `--use-list=${list}`, directory] },
        { signal: options.signal },
      );
    }),
  );
}

/** Entries of the table of contents by turns to the half that has less to read; `lines` start with the dump id, as files do. */
function split(lines: readonly string[], sizes: ReadonlyMap<string, number>): readonly (readonly string[])[] {
  const halves: readonly { lines: string[]; bytes: number }[] = [
    { lines: [], bytes: 0 },
    { lines: [], bytes: 0 },
  ];
  const sized = lines.map((line) => ({ line, bytes: sizes.get(line.slice(0, line.indexOf(";"))) ?? 0 }));
  for (const { line, bytes } of sized.toSorted((a, b) => b.bytes - a.bytes)) {
    const half = halves.reduce((least, other) => (other.bytes < least.bytes ? other : least));
    half.lines.push(line);
    half.bytes += bytes;
  }
  return halves.map((half) => half.lines);
}

/** Bytes of `<dump id>.dat*`, by dump id. */
async function fileSizes(directory: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of await readdir(directory))
    sizes.set(name.slice(0, name.indexOf(".")), (await stat(join(directory, name))).size);
  return sizes;
}
