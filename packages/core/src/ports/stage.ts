import type { Duplex } from "node:stream";
import type { Command } from "./process-runner.ts";

/** A reversible step on bytes, done by a program or by a stream. Passes `stageContract` of `@restorable/core/testing`. */
export interface Stage {
  /** Written into the manifest: what a restore looks up to undo it. Never reused for another format. */
  readonly name: string;
  readonly completes: "compressed" | "encrypted";
  /** Added to the file name, with its dot: `.zst`. */
  readonly suffix: string;
  /** The stock command that undoes it from standard input to standard output, for RESTORE.md. */
  readonly undoCommand: string;
  apply(): Command | Duplex;
  undo(): Command | Duplex;
}
