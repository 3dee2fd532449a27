import { chmod, mkdir, mkdtemp, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig, readConfig } from "../../src/config/load.ts";
import type { Mistake } from "../../src/config/mistakes.ts";
import type { BackupError } from "../../src/errors.ts";
import { listInstalledPlugins } from "../../src/plugin/installed-plugins.ts";
import { type LoadedPlugin, type LoadPluginsOptions, loadPlugins } from "../../src/plugin/load-plugins.ts";
import { resolvePlugins } from "../../src/plugin/resolve-plugins.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { silentLogger } from "../../src/ports/logger.ts";

let root: string;
let configFolder: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "load-plugins-")));
  configFolder = join(root, "project/conf");
  await mkdir(configFolder, { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

async function put(name: string, text: string): Promise<string> {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), text);
  return join(root, name);
}

const definition = (name: string, more = "", setup = "return {};"): string =>
  `export const plugin = { name: ${JSON.stringify(name)}, apiVersion: 1, options: { type: "object" }, ${more} setup(options, host) { ${setup} } };`;

async function putPackage(
  folder: string,
  name: string,
  pluginName: string,
  entry: object = { exports: { ".": { import: "./main.js" } } },
): Promise<void> {
  await put(
    `${folder}/${name}/package.json`,
    JSON.stringify({
      name,
      version: "1.2.3",
      type: "module",
      backup: { plugin: true, apiVersion: 1 },
      ...entry,
    }),
  );
  await put(`${folder}/${name}/main.js`, definition(pluginName));
}

/** With `speed` 1000, thirty seconds pass in thirty milliseconds. */
const clockOf = (speed: number): Clock => ({
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((done, fail) => {
      const timer = setTimeout(done, ms / speed);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        fail(signal.reason as Error);
      });
    }),
});
const clock = clockOf(1);

function options(more: Partial<LoadPluginsOptions> = {}): LoadPluginsOptions {
  const never = (): Promise<never> => Promise.reject(new Error("no program is started here"));
  const processes = { start: never, run: never, find: never };
  return {
    plugins: [],
    host: { clock, log: silentLogger, processes },
    configFolder,
    configPath: join(configFolder, "backup.config.yaml"),
    stateFolder: join(root, "state"),
    dataFolder: join(root, "data"),
    home: join(root, "home"),
    ...more,
  };
}
const load = (
  use: string,
  pluginOptions: unknown = {},
  more: Partial<LoadPluginsOptions> = {},
): Promise<LoadedPlugin[]> => loadPlugins(options({ plugins: [{ use, options: pluginOptions }], ...more }));
const failure = (promise: Promise<unknown>): Promise<BackupError> =>
  promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as BackupError,
  );

describe("where a plugin is looked for", () => {
  test("the project first, upwards, then the data folder, then the command line", async () => {
    const built = await put("cli/main.mjs", definition("from-cli"));
    const resolveFromHere = (name: string): string => {
      if (name !== "@x/p") throw new Error("no such package");
      return `file://${built}`;
    };
    const name = async (): Promise<string | undefined> =>
      (await load("@x/p", {}, { resolveFromHere }))[0]?.name;
    expect(await name()).toBe("from-cli");
    await putPackage("data/node_modules", "@x/p", "from-data");
    expect(await name()).toBe("from-data");
    await putPackage("node_modules", "@x/p", "from-above");
    expect(await name()).toBe("from-above");
    await putPackage("project/conf/node_modules", "@x/p", "from-project");
    expect(await name()).toBe("from-project");
  });

  test.each([
    ["exports for all", { exports: "./main.js" }],
    ["exports for import only", { exports: { ".": { types: "./nothing.d.ts", import: "./main.js" } } }],
    ["exports with default", { exports: { ".": { default: "./main.js" } } }],
    ["main", { main: "main.js" }],
  ])("a package with %s", async (_, entry) => {
    await putPackage("data/node_modules", "p", "found", entry);
    expect((await load("p"))[0]?.name).toBe("found");
  });

  test("paths start at the configuration's folder; ~ is the home; a folder is a package", async () => {
    await put("project/conf/here.mjs", definition("here"));
    await put(
      "project/above.ts",
      `interface Unused { readonly a: 1 }\n${definition("above").replace("(options, host)", "(options: unknown, host: unknown)")}`,
    );
    await put("home/mine.mjs", definition("mine"));
    await putPackage("project/conf", "folder", "folder");
    const loaded = await loadPlugins(
      options({
        plugins: [
          "./here.mjs",
          "../above.ts",
          "~/mine.mjs",
          join(root, "project/conf/here.mjs"),
          "./folder",
        ].map((use) => ({ use, options: {} })),
      }),
    );
    expect(loaded.map(({ name }) => name)).toEqual(["here", "above", "mine", "here-2", "folder"]);
  });

  test("nowhere: the error says where it looked and what was meant", async () => {
    await putPackage("data/node_modules", "@x/plugin-tape", "tape");
    const error = await failure(
      load(
        "@x/plugin-tpe",
        {},
        {
          resolveFromHere: () => {
            throw new Error("no");
          },
        },
      ),
    );
    expect(error.code).toBe("PLUGIN_NOT_FOUND");
    for (const place of [configFolder, join(root, "data/node_modules"), "come with backup"])
      expect(error.message).toContain(place);
    expect(error.hint).toBe("Did you mean '@x/plugin-tape'?");
    await put("project/conf/plugins/p.mjs", definition("p"));
    expect((await failure(load("plugins/p.mjs"))).hint).toBe("Did you mean './plugins/p.mjs'?");
    expect((await failure(load("./gone.mjs"))).message).toContain(join(configFolder, "gone.mjs"));
    expect((await failure(load("fs"))).code).toBe("PLUGIN_NOT_FOUND");
  });
});

test("a plugin gets its options with defaults and a state folder of its own; required is true unless it says false", async () => {
  await put(
    "project/conf/p.mjs",
    `export const plugin = { name: "p", apiVersion: 1, required: false,
    options: { type: "object", properties: { days: { type: "integer", default: 30 }, path: { type: "string" } } },
    setup(options, host) { return { options, folder: host.stateFolder, configFolder: host.configFolder }; } };`,
  );
  await put("project/conf/q.mjs", definition("q"));
  const given = { path: "x" };
  const loaded = await loadPlugins(
    options({
      plugins: [
        { use: "./p.mjs", options: given },
        { use: "./q.mjs", options: {} },
      ],
    }),
  );
  expect(loaded.map(({ required }) => required)).toEqual([false, true]);
  expect(loaded[0]?.plugin).toEqual({
    options: { path: "x", days: 30 },
    folder: join(root, "state/plugins/p"),
    configFolder,
  });
  expect(given).toEqual({ path: "x" });
  expect((await stat(join(root, "state/plugins/p"))).mode & 0o777).toBe(0o700);
});

describe("a plugin that misbehaves is named", () => {
  test.each([
    ["throws when imported", "throw new Error('boom');", "PLUGIN_FAILED", "boom"],
    ["has a syntax error", "export const plugin = {", "PLUGIN_FAILED", ""],
    [
      "hangs when imported",
      "await new Promise(() => {}); export const plugin = {};",
      "PLUGIN_TIMEOUT",
      "30 s",
    ],
    ["throws in setup", definition("p", "", "throw new Error('boom');"), "PLUGIN_FAILED", "boom"],
    ["throws no error in setup", definition("p", "", "throw undefined;"), "PLUGIN_FAILED", "undefined"],
    ["hangs in setup", definition("p", "", "return new Promise(() => {});"), "PLUGIN_TIMEOUT", "30 s"],
    ["exports no plugin", "export const plug = {};", "PLUGIN_NONSENSE", "no 'plugin'"],
    ["exports it as default", "export default {};", "PLUGIN_NONSENSE", "no 'plugin'"],
    ["exports a function", "export const plugin = () => {};", "PLUGIN_NONSENSE", "no object"],
    ["speaks version 2", definition("p", "apiVersion: 2,"), "PLUGIN_NONSENSE", "apiVersion 2"],
    ["has no name", definition(""), "PLUGIN_NONSENSE", "without a name"],
    ["has no setup", definition("p").replace("setup(", "setUp("), "PLUGIN_NONSENSE", "without a setup"],
    [
      "has a wrong schema",
      definition("p", 'options: { type: "objekt" },'),
      "PLUGIN_NONSENSE",
      "schema is wrong",
    ],
    ["returns nothing", definition("p", "", ""), "PLUGIN_NONSENSE", "returned nothing"],
    ["returns a text", definition("p", "", "return 'p';"), "PLUGIN_NONSENSE", "returned no object"],
    [
      "reacts with a text",
      definition("p", "", "return { on: { verified: 'x' } };"),
      "PLUGIN_NONSENSE",
      "'on'",
    ],
    ["observes with a text", definition("p", "", "return { observe: 'x' };"), "PLUGIN_NONSENSE", "'observe'"],
    [
      "stores nowhere",
      definition("p", "", "return { storage: [{ destination: { name: 'd' }, retention: {} }] };"),
      "PLUGIN_NONSENSE",
      "'storage'",
    ],
  ])("%s", async (_, text, code, words) => {
    await put("project/conf/p.mjs", text);
    const speed = code === "PLUGIN_TIMEOUT" ? 1000 : 1;
    const error = await failure(load("./p.mjs", {}, { host: { ...options().host, clock: clockOf(speed) } }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/plugin "(p|\.\/p\.mjs)"/);
  });

  test("those set up before it are closed", async () => {
    await put(
      "project/conf/a.mjs",
      `export const closed = []; ${definition("a", "", "return { close: async () => { closed.push('a'); } };")}`,
    );
    await put("project/conf/b.mjs", definition("b", "", "throw new Error('boom');"));
    await failure(
      loadPlugins(options({ plugins: ["./a.mjs", "./b.mjs"].map((use) => ({ use, options: {} })) })),
    );
    const { closed } = (await import(join(configFolder, "a.mjs"))) as { closed: string[] };
    expect(closed).toEqual(["a"]);
  });
});

test("two destinations of one name are a mistake", async () => {
  const functions = ["put", "get", "stat", "list", "delete", "close"]
    .map((name) => `${name}() {}`)
    .join(", ");
  await put(
    "project/conf/p.mjs",
    definition(
      "p",
      "",
      `return { storage: [{ destination: { name: "same", ${functions} }, retention: { days: 1, minimum: 1 } }] };`,
    ),
  );
  const error = await failure(
    loadPlugins(
      options({
        plugins: [
          { use: "./p.mjs", options: {} },
          { use: "./p.mjs", options: {} },
        ],
      }),
    ),
  );
  expect(error.details?.["mistakes"]).toMatchObject([
    { path: "plugins[1]", found: "a destination 'same', which plugins[0] has already" },
  ]);
});

const strict = `export const plugin = { name: "strict", apiVersion: 1, setup() { return {}; }, options: {
  type: "object", additionalProperties: false, required: ["path"], properties: {
    path: { type: "string" }, url: { type: "string", pattern: "^https:", secret: true },
    mode: { enum: ["fast", "safe"] }, to: { type: "array", items: { type: "string", format: "email" } },
    target: { anyOf: [{ type: "string" }, { type: "object", required: ["host"], properties: { host: { type: "string" } } }] },
    retention: { type: "object", additionalProperties: false, properties: { days: { type: "integer", minimum: 1 } } } } } };`;

describe("options", () => {
  test("of all plugins: every mistake at once, no text of theirs shown", async () => {
    await put("project/conf/strict.mjs", strict);
    const first = {
      pth: "x",
      retention: { dys: 3 },
      url: "http://hunter2",
      mode: "sfae",
      to: ["a@example.com", "hunter2"],
      target: 4,
    };
    const error = await failure(
      loadPlugins(
        options({
          plugins: [
            { use: "./strict.mjs", options: first },
            { use: "./strict.mjs", options: { path: 5, retention: { days: 0 } } },
          ],
        }),
      ),
    );
    const mistakes = error.details?.["mistakes"] as Mistake[];
    expect(error.code).toBe("CONFIG_INVALID");
    expect(mistakes.map(({ path, suggestion }) => [path, suggestion])).toEqual(
      expect.arrayContaining([
        ["plugins[0].options.pth", "path"],
        ["plugins[0].options.retention.dys", "days"],
        ["plugins[0].options.url", undefined],
        ["plugins[0].options.mode", "safe"],
        ["plugins[0].options.to[1]", undefined],
        ["plugins[0].options.target", undefined],
        ["plugins[1].options.path", undefined],
        ["plugins[1].options.retention.days", undefined],
      ]),
    );
    expect(mistakes).toHaveLength(8);
    expect(JSON.stringify(error.toInfo())).not.toContain("hunter2");
  });

  test("are checked even when the file has other mistakes, so that all can be shown together", async () => {
    await put("project/conf/strict.mjs", strict);
    const path = await put(
      "project/conf/backup.config.yaml",
      "databases: [{ connection: postgresql://db/x }]\ndmp: {}\nplugins: [{ use: ./strict.mjs, options: { path: a, retention: { dys: 1 } } }, { use: ./gone.mjs }]\n",
    );
    const reading = await readConfig({ path, environment: {}, cwd: root, home: root, uid: 1 });
    const resolution = await resolvePlugins(reading.plugins, {
      ...options(),
      clock,
      provenance: reading.provenance,
    });
    expect([...reading.mistakes, ...resolution.mistakes].map((mistake) => mistake.path)).toEqual([
      "dmp",
      "plugins[0].options.retention.dys",
    ]);
    expect(resolution.errors.map(({ code }) => code)).toEqual(["PLUGIN_NOT_FOUND"]);
  });

  test("that the schema calls secret are kept out of a readable file, and told to the redactor", async () => {
    await put("project/conf/strict.mjs", strict);
    await put("project/conf/hook", "https://example.com/from-file");
    await chmod(join(configFolder, "hook"), 0o600);
    const path = await put(
      "project/conf/backup.config.yaml",
      "databases: [{ connection: postgresql://db/x }]\nplugins: [{ use: ./strict.mjs, options: { path: a, url: https://example.com/hunter2 } }, { use: ./strict.mjs, options: { path: a, url: '${file:hook}' } }]\n",
    );
    const attempt = async (mode: number): Promise<string[]> => {
      await chmod(path, mode);
      const { config, provenance } = await loadConfig({
        path,
        environment: {},
        cwd: root,
        home: root,
        uid: 1,
      });
      const secrets: string[] = [];
      await loadPlugins(
        options({ plugins: config.plugins, provenance, onSecrets: (found) => secrets.push(...found) }),
      );
      return secrets;
    };
    expect(await attempt(0o600)).toEqual(["https://example.com/hunter2", "https://example.com/from-file"]);
    const error = await failure(attempt(0o644));
    expect(error.code).toBe("CONFIG_EXPOSED");
    expect(error.details?.["exposures"]).toEqual([{ file: path, paths: ["plugins[0].options.url"] }]);
    expect(JSON.stringify(error.toInfo())).not.toContain("hunter2");
  });
});

test("installed plugins are listed without running them", async () => {
  await putPackage("data/node_modules", "@x/one", "one");
  await putPackage("data/node_modules", "two", "two");
  await putPackage("other/node_modules", "two", "two");
  await put("data/node_modules/@x/one/main.js", "throw new Error('run');");
  await put("data/node_modules/plain/package.json", '{ "name": "plain" }');
  await put("data/node_modules/false/package.json", '{ "name": "false", "backup": { "plugin": false } }');
  await put("data/node_modules/broken/package.json", "{");
  const folders = [join(root, "data/node_modules"), join(root, "other/node_modules"), join(root, "missing")];
  expect(await listInstalledPlugins(folders)).toEqual([
    { name: "@x/one", version: "1.2.3", folder: join(root, "data/node_modules/@x/one") },
    { name: "two", version: "1.2.3", folder: join(root, "data/node_modules/two") },
  ]);
});
