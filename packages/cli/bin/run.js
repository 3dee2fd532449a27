#!/usr/bin/env node
// This file must parse and run on old Nodes: it decides which Node runs the rest, and from where.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const least = [22, 18];
const [major, minor] = process.versions.node.split(".").map(Number);

if (major > least[0] || (major === least[0] && minor >= least[1])) await run();
else await runUnderNewerNode();

async function run() {
  const module = await import("node:module");
  module.enableCompileCache?.();
  // node:sqlite says on every start that it is young; nothing that a user of backup could act on.
  const warn = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (!/SQLite|Type Stripping/i.test(String(warning))) warn.call(process, warning, ...rest);
  };
  const { execute } = await import("@oclif/core");
  const root = fileURLToPath(new URL("..", import.meta.url));
  if (!existsSync(new URL("../src/base-command.ts", import.meta.url))) {
    await execute({ dir: import.meta.url });
    return;
  }
  // A checkout: run the sources as they are, without a build.
  if (!process.versions.deno) {
    module.registerHooks({
      resolve: (specifier, context, next) =>
        next(
          specifier,
          specifier.startsWith("@restorable/")
            ? { ...context, conditions: ["backup-source", ...context.conditions] }
            : context,
        ),
    });
  }
  const { settings } = await import("@oclif/core");
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  pjson.oclif.commands = "./src/commands";
  await execute({ loadOptions: { root, pjson, ignoreManifest: true } });
}

async function runUnderNewerNode() {
  const { createRequire } = await import("node:module");
  const { spawn } = await import("node:child_process");
  const { dirname, join } = await import("node:path");
  const require = createRequire(import.meta.url);
  let newer = process.env.BACKUP_NODE;
  for (const name of newer ? [] : [`node-linux-${process.arch}`, "node"]) {
    try {
      newer = join(dirname(require.resolve(`${name}/package.json`)), "bin/node");
      break;
    } catch {
      // Not installed: try the next one.
    }
  }
  if (!newer || process.env.BACKUP_REEXEC) {
    console.error(
      `backup needs Node.js ${least.join(".")} or newer; this is ${process.version} (${process.execPath}).\n` +
        `Install one beside it, without touching the system's:\n  npm install --global node-linux-${process.arch}@24\nor set BACKUP_NODE=/path/to/node`,
    );
    process.exitCode = 78;
    return;
  }
  const child = spawn(newer, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, BACKUP_REEXEC: "1" },
  });
  // A terminal sends SIGINT to the child itself; twice would mean "exit now".
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exitCode = code ?? 1;
  });
}
