import type { Duplex, Readable } from "node:stream";

/** A program and its arguments; never a shell. */
export interface Command {
  /** Absolute path, or a name looked up in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Added to a minimal environment; secrets go here, never into `args`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ProcessOptions {
  readonly signal?: AbortSignal;
  /** Bytes for the first program's standard input; nothing unless said. */
  readonly input?: Readable;
}

/** Programs run without a shell and die with this process. */
export interface ProcessRunner {
  /**
   * Join programs and streams, neighbouring programs by their descriptors.
   * Resolves once all have started.
   * @throws PROGRAM_NOT_FOUND
   */
  start(chain: readonly (Command | Duplex)[], options?: ProcessOptions): Promise<RunningChain>;
  /**
   * Run one program to its end and collect what it says.
   * @throws PROGRAM_FAILED unless it exits with 0
   */
  run(
    command: Command,
    options?: ProcessOptions,
  ): Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** Absolute path of a program in PATH (or of an executable path itself), or undefined. */
  find(program: string): Promise<string | undefined>;
}

export interface RunningChain {
  /** Errors, rather than ends, unless every program exits with 0. */
  readonly output: Readable;
  /** Resolves when all exited with 0; rejects PROGRAM_FAILED with program, exit code or signal, and the last 4 KiB of stderr. */
  readonly done: Promise<void>;
}
