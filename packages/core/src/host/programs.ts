import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import type { Duplex } from "node:stream";
import { PassThrough, Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BackupError } from "../errors.ts";
import type { Command, ProcessOptions, ProcessRunner, RunningChain } from "../ports/process-runner.ts";

const stderrKept = 4096;
/** What a child may see of our environment; everything else is given to it by name. */
const inherited = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

interface Started {
  readonly command: Command;
  readonly child: ChildProcess;
  /** Undefined when it exited with 0. */
  readonly ended: Promise<BackupError | undefined>;
}

/**
 * Runs programs with `node:child_process`: neighbours are joined by their descriptors, so that their bytes never pass through
 * this process, which execa does not offer (docs/decisions). Children start under `setpriv --pdeathsig TERM` where it exists,
 * and so end with us even after a kill -9.
 */
export function systemProcesses(): ProcessRunner {
  const find = (program: string): Promise<string | undefined> => findProgram(program);
  const start = async (
    chain: readonly (Command | Duplex)[],
    options: ProcessOptions = {},
  ): Promise<RunningChain> => {
    const guard = await find("setpriv");
    const commands = await Promise.all(chain.map(async (link) => (isCommand(link) ? resolve(link) : link)));
    return connect(commands, guard, options);
  };
  return {
    find,
    start,
    async run(command, options) {
      const guard = await find("setpriv");
      const started = launch(
        await resolve(command),
        guard,
        options?.input ? "pipe" : "ignore",
        options?.signal,
      );
      let stderr = "";
      started.child.stderr?.on("data", (text: string) => {
        stderr += text;
      });
      if (options?.input && started.child.stdin)
        await pipeline(options.input, started.child.stdin).catch(() => undefined);
      const stdout: Buffer[] = [];
      for await (const chunk of started.child.stdout as Readable) stdout.push(chunk as Buffer);
      const failure = await started.ended;
      if (failure) throw failure;
      return { stdout: Buffer.concat(stdout).toString("utf8"), stderr };
    },
  };

  async function resolve(command: Command): Promise<Command> {
    const program = await find(command.program);
    if (!program)
      throw new BackupError("PROGRAM_NOT_FOUND", `Cannot run "${command.program}": no such program`);
    return { ...command, program };
  }
}

function connect(
  chain: readonly (Command | Duplex)[],
  guard: string | undefined,
  options: ProcessOptions,
): RunningChain {
  const started: Started[] = [];
  const flows: Promise<unknown>[] = [];
  let upstream: Readable | undefined = options.input;
  for (const link of chain) {
    if (!isCommand(link)) {
      if (upstream) flows.push(pipeline(upstream, link, { end: true }));
      else link.end();
      upstream = link;
      continue;
    }
    const fromProgram = started.length > 0 && upstream === started.at(-1)?.child.stdout;
    const next = launch(
      link,
      guard,
      upstream === undefined ? "ignore" : fromProgram ? upstream : "pipe",
      options.signal,
    );
    if (fromProgram) (upstream as Readable).destroy();
    else if (upstream && next.child.stdin) flows.push(feed(upstream, next.child.stdin));
    started.push(next);
    upstream = next.child.stdout as Readable;
  }
  const output = new PassThrough({ highWaterMark: 1 << 20 });
  const ended = (async (): Promise<void> => {
    const failures = await Promise.all(started.map((one) => one.ended));
    const failure = blame(failures);
    if (failure) throw failure;
    await Promise.all(flows);
  })();
  const last = upstream ?? Readable.from([]);
  // A grandchild may hold a pipe open after its parent was stopped: at an abort nothing is waited for but the programs.
  const stop = (): void => void last.destroy(options.signal?.reason as Error);
  options.signal?.addEventListener("abort", stop, { once: true });
  const done = (async (): Promise<void> => {
    try {
      await pipeline(last, output, { end: false });
      await ended;
      output.end();
    } catch (error) {
      for (const { child } of started) child.kill("SIGTERM");
      const reason = await ended.then(
        () => error,
        (known: unknown) => known,
      );
      const shown = options.signal?.aborted ? options.signal.reason : reason;
      output.destroy(shown as Error);
      throw shown;
    } finally {
      options.signal?.removeEventListener("abort", stop);
    }
  })();
  // Who reads neither `output` nor `done` hears of the failure nowhere else; without these two it would crash the process.
  output.on("error", () => undefined);
  done.catch(() => undefined);
  return { output, done };
}

/** A program that stops reading early gives its feeder EPIPE; its exit code tells the truth, so only that counts. */
async function feed(from: Readable, to: Writable): Promise<void> {
  await pipeline(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

/**
 * The first failure that is not a mere consequence: a neighbour that lost its reader, or died of our own TERM, is not to
 * blame. (What Node calls a pipe is a socket pair: a lost reader may be told as a reset connection.)
 */
function blame(failures: readonly (BackupError | undefined)[]): BackupError | undefined {
  const real = failures.filter((failure) => failure !== undefined);
  return (
    real.find(
      ({ details }) =>
        details?.["signal"] !== "SIGPIPE" &&
        details?.["signal"] !== "SIGTERM" &&
        !/broken pipe|connection reset/i.test(String(details?.["stderr"])),
    ) ?? real[0]
  );
}

function launch(
  command: Command,
  guard: string | undefined,
  stdin: "ignore" | "pipe" | Readable,
  signal?: AbortSignal,
): Started {
  const env: Record<string, string> = {};
  for (const name of inherited) if (process.env[name] !== undefined) env[name] = process.env[name];
  Object.assign(env, { LC_MESSAGES: "C" }, command.env);
  const [program, args] = guard
    ? [guard, ["--pdeathsig", "TERM", "--", command.program, ...command.args]]
    : [command.program, [...command.args]];
  const child = spawn(program, args, {
    stdio: [stdin, "pipe", "pipe"],
    env,
    ...(command.cwd && { cwd: command.cwd }),
  });
  let tail = "";
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (text: string) => {
    tail = (tail + text).slice(-stderrKept);
  });
  const stop = (): void => void child.kill("SIGTERM");
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const ended = new Promise<BackupError | undefined>((settle) => {
    child.once("error", (error) =>
      settle(
        new BackupError("PROGRAM_NOT_FOUND", `Cannot run "${command.program}": ${error.message}`, {
          cause: error,
        }),
      ),
    );
    const over = (code: number | null, killedBy: NodeJS.Signals | null): void => {
      signal?.removeEventListener("abort", stop);
      if (code === 0) {
        settle(undefined);
        return;
      }
      const how = killedBy ? `was ended by ${killedBy}` : `exited with ${code}`;
      const name = command.program.split("/").at(-1) ?? command.program;
      settle(
        new BackupError(
          "PROGRAM_FAILED",
          `Cannot finish "${name}": it ${how}${tail.trim() ? `: ${tail.trim()}` : ""}`,
          {
            details: { program: name, exitCode: code, signal: killedBy, stderr: tail },
          },
        ),
      );
    };
    child.once("close", over);
    child.once("exit", (code, killedBy) => {
      if (signal?.aborted || killedBy) over(code, killedBy);
    });
  });
  return { command, child, ended };
}

function isCommand(link: Command | Duplex): link is Command {
  return "program" in link;
}

async function findProgram(program: string): Promise<string | undefined> {
  const folders = isAbsolute(program)
    ? [""]
    : [
        ...(process.env["PATH"] ?? "").split(delimiter),
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
        "/usr/sbin",
        "/sbin",
      ];
  for (const folder of folders) {
    const path = folder ? join(folder, program) : program;
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable && (await stat(path)).isFile()) return path;
  }
  return undefined;
}
