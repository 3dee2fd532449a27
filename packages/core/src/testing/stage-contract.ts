import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import type { Command, ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";
import { artifactOf } from "./artifact-of.ts";

/** One thing that every stage does. `run` rejects with an AssertionError where it does not. */
export interface StageCase {
  readonly name: string;
  run(stage: Stage, processes: ProcessRunner): Promise<void>;
}

const samples: readonly { readonly name: string; bytes(): Buffer }[] = [
  { name: "no byte", bytes: () => Buffer.alloc(0) },
  { name: "a few bytes", bytes: () => Buffer.from("PGDMP\0\u00ff") },
  { name: "3 MiB of random bytes", bytes: () => randomBytes(3 << 20) },
  {
    name: "3 MiB that compress well",
    bytes: () =>
      Buffer.from("COPY public.orders (id, item) FROM stdin;\n".repeat(80_000)).subarray(0, 3 << 20),
  },
];

/** What `Stage` promises, as data. */
export const stageContract: readonly StageCase[] = [
  {
    name: "has a name and a suffix that can stand in a manifest and a file name",
    run: async (stage) => {
      assert.match(stage.name, /^[a-z0-9][a-z0-9-]*$/);
      assert.match(stage.suffix, /^\.[a-z0-9]+$/);
      assert.ok(stage.completes === "compressed" || stage.completes === "encrypted");
      assert.ok(
        stage.undoCommand.trim() === stage.undoCommand && stage.undoCommand !== "",
        "undoCommand is a command",
      );
    },
  },
  ...samples.map(
    ({ name, bytes }): StageCase => ({
      name: `gives back ${name}`,
      run: async (stage, processes) => {
        const original = bytes();
        const applied = await through(stage.apply(), original, processes);
        assert.equal(digest(await through(stage.undo(), applied, processes)), digest(original));
      },
    }),
  ),
  {
    name: "errors on a flipped byte",
    run: async (stage, processes) => {
      const original = randomBytes(1 << 20);
      const applied = await through(stage.apply(), original, processes);
      for (const part of [0.3, 0.6, 0.9]) {
        const corrupt = Buffer.from(applied);
        const at = Math.floor(corrupt.length * part);
        corrupt.writeUInt8(corrupt.readUInt8(at) ^ 0x10, at);
        await assert.rejects(
          through(stage.undo(), corrupt, processes),
          `a byte flipped at ${at} of ${corrupt.length} went unnoticed`,
        );
      }
    },
  },
  {
    name: "errors on a truncated input",
    run: async (stage, processes) => {
      const applied = await through(stage.apply(), randomBytes(1 << 20), processes);
      for (const length of [1, applied.length >> 1, applied.length - 1]) {
        await assert.rejects(
          through(stage.undo(), applied.subarray(0, length), processes),
          `${length} bytes of ${applied.length} went for the whole`,
        );
      }
    },
  },
  {
    name: "errors on what it never wrote",
    run: async (stage, processes) => {
      await assert.rejects(through(stage.undo(), Buffer.from("no such format ".repeat(1000)), processes));
    },
  },
];

async function through(step: Command | Duplex, bytes: Buffer, processes: ProcessRunner): Promise<Buffer> {
  const input = bytes.length === 0 ? Readable.from([], { objectMode: false }) : artifactOf(bytes).open();
  const chain = await processes.start([step], { input });
  chain.done.catch(() => undefined);
  const chunks: Buffer[] = [];
  for await (const chunk of chain.output as AsyncIterable<Buffer>) chunks.push(chunk);
  await chain.done;
  return Buffer.concat(chunks);
}

function digest(bytes: Buffer): string {
  return `${createHash("sha256").update(bytes).digest("hex")} of ${bytes.length} bytes`;
}
