import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../packages/cli/bin/run.js", import.meta.url));

export interface Finished {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as cron would start it: nothing of our environment, no terminal, no input. */
export function startBackup(
  args: readonly string[],
  options: { readonly home: string; readonly environment?: Readonly<Record<string, string>> },
): { readonly child: ChildProcess; readonly done: Promise<Finished> } {
  const child = spawn(process.execPath, [program, ...args], {
    env: { HOME: options.home, PATH: "/usr/bin:/bin", ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
    cwd: options.home,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const done = new Promise<Finished>((settle) =>
    child.once("close", (exit, signal) => settle({ exit, signal, stdout, stderr })),
  );
  return { child, done };
}

export async function runBackup(
  args: readonly string[],
  options: { readonly home: string; readonly environment?: Readonly<Record<string, string>> },
): Promise<Finished> {
  return await startBackup(args, options).done;
}

/** A home with a configuration, as a user has it. */
export interface TestHome {
  readonly home: string;
  readonly config: string;
  readonly backups: string;
}

export async function testHome(
  connection: string,
  extra: { readonly head?: string; readonly plugins?: string; readonly path?: string } = {},
): Promise<TestHome> {
  const home = await mkdtemp(join(tmpdir(), "restorable-home-"));
  const backups = extra.path ?? join(home, "backups");
  const config = join(home, "backup.config.yaml");
  const text = `databases:
  - name: shop
    connection: ${connection}
${extra.head ?? ""}
state: ./state
plugins:
  - use: "@restorable/plugin-local"
    options: { path: ${backups} }
${extra.plugins ?? ""}`;
  await writeFile(config, text, { mode: 0o600 });
  return { home, config, backups };
}
