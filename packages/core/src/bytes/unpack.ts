import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { BackupError } from "../errors.ts";
import { privateFolder } from "../host/durable-file.ts";
import type { Part } from "../model/manifest.ts";
import type { Command, ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";
import { writeStream } from "./write-stream.ts";

export interface UnpackOptions {
  readonly stages: ReadonlyMap<string, Stage>;
  readonly processes: ProcessRunner;
  readonly signal: AbortSignal;
}

/** What undoes the part's stages, last to first. @throws MANIFEST_INVALID for a stage that nobody knows */
export function undoStages(
  part: Pick<Part, "stages">,
  stages: ReadonlyMap<string, Stage>,
): readonly (Command | Duplex)[] {
  return part.stages.toReversed().map((name) => {
    const stage = stages.get(name);
    if (!stage)
      throw new BackupError("MANIFEST_INVALID", `Cannot undo the stage "${name}": no plugin knows it`);
    return stage.undo();
  });
}

/** Lays a stored dump out as pg_restore wants it for parallel work: a custom file, or a directory. @returns its path */
export async function unpackDump(
  part: Pick<Part, "stages" | "format">,
  path: string,
  folder: string,
  options: UnpackOptions,
): Promise<string> {
  const undo = undoStages(part, options.stages);
  if (part.format === "directory") {
    const target = await privateFolder(join(folder, "directory"));
    const untar = { program: "tar", args: ["--extract", "--no-same-owner", "-C", target] };
    const chain = await options.processes.start([...undo, untar], {
      input: createReadStream(path, { highWaterMark: 1 << 20 }),
      signal: options.signal,
    });
    chain.output.resume();
    await chain.done;
    return target;
  }
  if (undo.length === 0) return path;
  const target = join(folder, "dump.custom");
  const chain = await options.processes.start(undo, {
    input: createReadStream(path, { highWaterMark: 1 << 20 }),
    signal: options.signal,
  });
  await writeStream(chain.output, target, { signal: options.signal });
  await chain.done;
  return target;
}
