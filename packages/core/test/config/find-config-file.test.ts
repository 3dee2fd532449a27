import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configFileNames, findConfigFile } from "../../src/config/find-config-file.ts";

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "find-config-")));
  await mkdir(join(root, "home/project/deep"), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

async function put(name: string, text = "a: 1"): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}
const find = (more: { path?: string; environment?: Record<string, string> } = {}): Promise<string> =>
  findConfigFile({
    environment: { ...more.environment },
    cwd: join(root, "home/project/deep"),
    home: join(root, "home"),
    systemFolder: join(root, "etc/restorable"),
    ...(more.path !== undefined && { path: more.path }),
  });

test("every place is searched, and an earlier one wins", async () => {
  const system = await put("etc/restorable/backup.config.yaml");
  expect(await find()).toBe(system);
  const user = await put("home/.config/restorable/backup.config.yaml");
  expect(await find()).toBe(user);
  const xdg = await put("xdg/restorable/backup.config.json");
  expect(await find({ environment: { XDG_CONFIG_HOME: join(root, "xdg") } })).toBe(xdg);
  const above = await put("home/backup.config.yaml");
  expect(await find()).toBe(above);
  const parent = await put("home/project/backup.config.yaml");
  expect(await find()).toBe(parent);
  const here = await put("home/project/deep/backup.config.mjs");
  expect(await find()).toBe(here);
  const variable = await put("elsewhere/from-variable.yaml");
  expect(await find({ environment: { BACKUP_CONFIG: variable } })).toBe(variable);
  const flag = await put("home/project/deep/other.yml");
  expect(await find({ path: "other.yml", environment: { BACKUP_CONFIG: variable } })).toBe(flag);
});

test("within a folder, yaml comes first and mjs last; a search neither parses nor runs anything", async () => {
  const broken = "}{ throw new Error('run')";
  for (const name of configFileNames.toReversed()) {
    const path = await put(`home/project/deep/${name}`, broken);
    expect(await find()).toBe(path);
  }
});

test("an empty file is found, so that it can be complained about", async () => {
  const empty = await put("home/project/deep/backup.config.yaml", "");
  await put("home/project/backup.config.yaml");
  expect(await find()).toBe(empty);
});

test("a named file that is missing is an error, whatever else exists", async () => {
  await put("home/project/deep/backup.config.yaml");
  await expect(find({ path: "missing.yaml" })).rejects.toMatchObject({
    code: "CONFIG_NOT_FOUND",
    message: expect.stringContaining("missing.yaml") as string,
  });
  await expect(find({ environment: { BACKUP_CONFIG: "/nowhere.yaml" } })).rejects.toMatchObject({
    message: expect.stringContaining("BACKUP_CONFIG") as string,
  });
});

test("none anywhere: the error says where it looked", async () => {
  await expect(find()).rejects.toMatchObject({
    code: "CONFIG_NOT_FOUND",
    message: expect.stringContaining(join(root, "etc/restorable")) as string,
  });
});
