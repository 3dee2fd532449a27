// Runs vitest and ends with the line "N passed, N failed", alone, read from vitest's own JSON.
// Arguments are handed to vitest: npm test -- packages/core/test/bus.test.ts
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const inCi = Boolean(process.env.CI) && process.env.CI !== "false";
const bin = join(root, "node_modules/.bin");
const node = existsSync(join(bin, "node")) ? join(bin, "node") : process.execPath;
const resultFile = join(root, ".cache/vitest.json");

/** A home of its own, so that no test reads or writes anything of the user's. */
async function environmentIn(home) {
  const xdg = {
    XDG_CONFIG_HOME: ".config",
    XDG_DATA_HOME: ".local/share",
    XDG_STATE_HOME: ".local/state",
    XDG_CACHE_HOME: ".cache",
  };
  const folders = Object.fromEntries(Object.entries(xdg).map(([name, folder]) => [name, join(home, folder)]));
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    ...process.env,
    ...folders,
    HOME: home,
    PATH: [bin, process.env.PATH].join(delimiter),
    ...(inCi ? { REQUIRE_SERVICES: "1" } : {}),
  };
}

/** Resolves with the exit code; a signal that reaches us is vitest's to answer first. */
function runVitest(env) {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultFile}`];
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const child = spawn(node, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  process.on("SIGINT", () => {}); // a terminal sends it to vitest itself
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** A file that could not be loaded, or whose hooks failed, has no failed test: it counts as one. */
function count(result) {
  const tests = result.testResults.flatMap((file) => file.assertionResults);
  const of = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
  const broken = result.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  );
  const passed = of("passed");
  const failed = of("failed") + broken.length;
  return { passed, failed, skipped: tests.length - passed - of("failed") };
}

const home = await mkdtemp(join(tmpdir(), "restorable-tests-"));
await rm(resultFile, { force: true });
const exitCode = await runVitest(await environmentIn(home)).finally(() =>
  rm(home, { recursive: true, force: true }),
);

const counted = existsSync(resultFile)
  ? count(JSON.parse(await readFile(resultFile, "utf8")))
  : { passed: 0, failed: 0, skipped: 0 };
const { passed, skipped } = counted;
// What vitest fails for besides tests, for instance an unhandled rejection, must show in the line as well.
const failed = counted.failed === 0 && exitCode !== 0 && passed > 0 ? 1 : counted.failed;

if (passed + failed === 0) console.error("no test was run");
if (inCi && skipped > 0) console.error("in CI nothing may be skipped");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = exitCode !== 0 || failed > 0 || passed === 0 || (inCi && skipped > 0) ? 1 : 0;
