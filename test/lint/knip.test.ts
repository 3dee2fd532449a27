import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const dependencies = { rxjs: "*" };
const exports = { ".": { "backup-source": "./src/index.ts", default: "./dist/index.js" } };

let copy: string;

async function write(file: string, content: object | string): Promise<void> {
  await mkdir(join(copy, dirname(file)), { recursive: true });
  await writeFile(join(copy, file), typeof content === "string" ? content : JSON.stringify(content));
}

/** The kinds of complaint knip has, each with the names it gives. */
function knip(): Promise<Record<string, string[]>> {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, string[]>>();
  const args = [join(repository, "node_modules/knip/bin/knip.js"), "--reporter", "json"];
  execFile(process.execPath, args, { cwd: copy }, (error, stdout, stderr) => {
    if (!stdout.startsWith("{")) {
      reject(new Error(`Cannot run knip: ${stderr}`, { cause: error }));
      return;
    }
    const { issues } = JSON.parse(stdout) as { issues: Record<string, unknown>[] };
    const found: Record<string, string[]> = {};
    for (const [kind, list] of issues.flatMap((issue) => Object.entries(issue))) {
      if (!Array.isArray(list) || list.length === 0) continue;
      found[kind] = [...(found[kind] ?? []), ...list.map(({ name }: { name: string }) => name)];
    }
    resolve(found);
  });
  return promise;
}

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), "restorable-knip-"));
  await cp(join(repository, "knip.json"), join(copy, "knip.json"));
  await symlink(join(repository, "node_modules"), join(copy, "node_modules"));
  await write("package.json", { name: "copy", private: true, type: "module", workspaces: ["packages/*"] });
  await write("packages/core/package.json", {
    name: "@restorable/core",
    type: "module",
    exports,
    dependencies,
  });
  await write("packages/core/src/index.ts", `export { used } from "./used.ts";\n`);
  await write(
    "packages/core/src/used.ts",
    `import { Subject } from "rxjs";\n\nexport const used = new Subject();\n`,
  );
});
afterEach(async () => {
  await rm(copy, { recursive: true, force: true });
});

it("leaves a tidy package alone", async () => {
  expect(await knip()).toEqual({});
});

it("reports a file that nothing imports", async () => {
  await write("packages/core/src/orphan.ts", "export const orphan = 1;\n");
  expect(await knip()).toEqual({ files: ["packages/core/src/orphan.ts"] });
});

it("reports an export that nothing imports", async () => {
  await write("packages/core/src/index.ts", `export { used } from "./used.ts";\nimport "./more.ts";\n`);
  await write("packages/core/src/more.ts", "export const unused = 1;\n");
  expect(await knip()).toEqual({ exports: ["unused"] });
});

it("reports a dependency that nothing imports", async () => {
  await write("packages/core/package.json", {
    name: "@restorable/core",
    type: "module",
    exports,
    dependencies: { ...dependencies, ajv: "*" },
  });
  expect(await knip()).toEqual({ dependencies: ["ajv"] });
});

it("reports an import that package.json does not declare", async () => {
  await write(
    "packages/core/src/index.ts",
    `export { used } from "./used.ts";\nexport { execa } from "execa";\n`,
  );
  expect(await knip()).toEqual({ unlisted: ["execa"] });
});
