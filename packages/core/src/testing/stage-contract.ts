import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable, type Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Command, ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";

/** A law that every stage keeps. */
export interface StageCase {
  readonly name: string;
  run(stage: Stage, processes: ProcessRunner): Promise<void>;
}

async function through(step: Command | Duplex, bytes: Uint8Array, processes: ProcessRunner): Promise<Buffer> {
  const chain = await processes.start([step], { input: Readable.from(bytes.length > 0 ? [Buffer.from(bytes)] : [], { objectMode: false }) });
  const [result] = await Promise.all([buffer(chain.output), chain.done]);
  return result;
}

const samples: readonly (readonly [string, () => Buffer])[] = [
  ["nothing", () => Buffer.alloc(0)],
  ["one byte", () => Buffer.from("x")],
  ["3 MiB that do not compress", () => randomBytes(3 << 20)],
  ["3 MiB of zeros", () => Buffer.alloc(3 << 20)],
];

/** The published suite for stages. */
export const stageContract: readonly StageCase[] = [
  ...samples.map(([what, sample]) => ({
    name: `undoes what it did to ${what}`,
    async run(stage: Stage, processes: ProcessRunner): Promise<void> {
      const bytes = sample();
      assert.deepEqual(await through(stage.undo(), await through(stage.apply(), bytes, processes), processes), bytes);
    },
  })),
  {
    name: "errors on a truncated input rather than end early",
    async run(stage, processes) {
      const done = await through(stage.apply(), randomBytes(1 << 20), processes);
      await assert.rejects(through(stage.undo(), done.subarray(0, done.length - 1000), processes));
    },
  },
  {
    name: "errors on what it never made",
    run: (stage, processes) => assert.rejects(through(stage.undo(), Buffer.from("this was made by nobody, and is long enough to be read"), processes)),
  },
  {
    name: "is named in a way that manifests and file names can hold",
    async run(stage) {
      assert.match(stage.name, /^[a-z0-9][a-z0-9-]*$/);
      assert.match(stage.suffix, /^\.[a-z0-9]+$/);
      assert.ok(stage.undoCommand.length > 0);
    },
  },
];
