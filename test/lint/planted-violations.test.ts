import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { arrows, ground, singleFileArrows } from "./directions.ts";
import { innocents, type Plant, violations } from "./violations.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const configurations = [".oxlintrc.json", "biome.json", "knip.json", "package.json", "scripts/lint"];
configurations.push("tsconfig.json", "tsconfig.base.json", "test/tsconfig.json");

interface Complaint {
  readonly file: string;
  /** Rule and message, as in `Plant.complaint`. */
  readonly text: string;
}

let copy: string;
let complaints: readonly Complaint[];

/** What a linter writes to its standard output, whatever its exit code. */
function outputOf(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const node = [join(repository, "node_modules", program), ...args];
  const options = { cwd, maxBuffer: 64 * 1024 * 1024 };
  execFile(process.execPath, node, options, (error, stdout) => {
    if (stdout === "" && error) reject(error);
    else resolve(stdout);
  });
  return promise;
}

async function plant(files: readonly Plant[]): Promise<void> {
  for (const { file, text } of files) {
    await mkdir(join(copy, dirname(file)), { recursive: true });
    await writeFile(join(copy, file), text);
  }
}

async function declare(folder: string, dependencies: Readonly<Record<string, string>>): Promise<void> {
  const file = join(copy, folder, "package.json");
  const content = JSON.parse(await readFile(file, "utf8")) as { dependencies?: Record<string, string> };
  const all = { ...content.dependencies, ...dependencies };
  await writeFile(file, `${JSON.stringify({ ...content, dependencies: all }, undefined, 2)}\n`);
}

async function oxlint(): Promise<Complaint[]> {
  const output = await outputOf("oxlint/bin/oxlint", ["--type-aware", "--deny-warnings", "-f", "json"], copy);
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { code: string; help?: string; filename: string }[];
  };
  return diagnostics.map(({ code, help, filename }) => ({
    file: filename,
    text: `${code.replace(/^.*\((.*)\)$/, "$1")}: ${help ?? ""}`,
  }));
}

async function biome(): Promise<Complaint[]> {
  const output = await outputOf(
    "@biomejs/biome/bin/biome",
    ["check", ".", "--reporter=json", "--max-diagnostics=none"],
    copy,
  );
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { category: string; message: string; location: { path: string } }[];
  };
  return diagnostics.map(({ category, message, location }) => ({
    file: location.path,
    text: category === "plugin" ? message : `${category.split("/").at(-1)}: ${message}`,
  }));
}

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "restorable-lint-"));
  for (const file of configurations) await cp(join(repository, file), join(copy, file), { recursive: true });
  for (const name of await readdir(join(repository, "packages"))) {
    for (const file of ["package.json", "tsconfig.json"]) {
      const from = join("packages", name, file);
      await cp(join(repository, from), join(copy, from)).catch(() => undefined); // what is not written yet has none
    }
  }
  // A forbidden neighbour stays forbidden when package.json declares it.
  const neighbours = {
    "@restorable/cli": "*",
    "@restorable/plugin-local": "*",
    "@restorable/plugin-notify": "*",
  };
  for (const name of ["core", "plugin-local"]) await declare(join("packages", name), neighbours);
  await symlink(join(repository, "node_modules"), join(copy, "node_modules"));
  await plant([...ground, ...arrows, ...singleFileArrows, ...violations, ...innocents]);
  // The second half of the cycle, which is no violation in itself.
  await plant([
    {
      file: "packages/core/src/bytes/cycle-b.ts",
      text: `import { a } from "./cycle-a.ts";\n\nexport const b = (): number => a() + 1;\n`,
    },
  ]);
  complaints = [...(await oxlint()), ...(await biome())];
});
afterAll(async () => {
  await rm(copy, { recursive: true, force: true });
});

const of = (file: string): string[] => complaints.filter((one) => one.file === file).map(({ text }) => text);

describe("each rule reports its violation, and nothing else does", () => {
  const guilty = [...violations, ...arrows, ...singleFileArrows].filter((one) => one.complaint !== undefined);
  it.each(guilty)("$file: $complaint", ({ file, complaint }) => {
    expect(of(file)).toEqual([expect.stringMatching(new RegExp(`^${complaint}`))]);
  });
});

describe("what breaks no rule is left alone", () => {
  const clean = [...innocents, ...arrows].filter(
    (one) => one.complaint === undefined && !one.file.endsWith("cycle-b.ts"),
  );
  it.each(clean)("$file", ({ file }) => {
    expect(of(file)).toEqual([]);
  });
});
