import { chmod, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ConfigReading, type LoadedConfig, loadConfig, readConfig } from "../../src/config/load.ts";
import type { Mistake } from "../../src/config/mistakes.ts";
import type { BackupError } from "../../src/errors.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "load-config-")));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, text: string, mode = 0o600): Promise<string> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), mode);
  return join(folder, name);
}
const settings = (
  path: string,
  environment: Record<string, string> = {},
): Parameters<typeof loadConfig>[0] => ({ path, environment, cwd: folder, home: "/home/me", uid: 1000 });
const load = (path: string, environment?: Record<string, string>): Promise<LoadedConfig> =>
  loadConfig(settings(path, environment));
const read = (path: string, environment?: Record<string, string>): Promise<ConfigReading> =>
  readConfig(settings(path, environment));
async function failure(promise: Promise<unknown>): Promise<BackupError> {
  return promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as BackupError,
  );
}
const mistakesOf = (error: BackupError): Mistake[] => error.details?.["mistakes"] as Mistake[];

const fourLines = `databases:
  - connection: postgresql://backup@db.internal/shop
plugins:
  - { use: "@restorable/plugin-local", options: { path: /var/backups } }
`;

test("four lines are enough", async () => {
  const { config } = await load(await put("backup.config.yaml", fourLines));
  expect(config).toMatchObject({
    path: join(folder, "backup.config.yaml"),
    databases: [{ name: "shop", prefix: "shop_db_backup", connection: { parameters: {} } }],
    dump: { jobs: 2, lockTimeoutMs: 300_000 },
    compression: { algorithm: "auto" },
    verify: { level: "decode" },
    plugins: [{ use: "@restorable/plugin-local", options: { path: "/var/backups" } }],
    stateFolder: "/home/me/.local/state/restorable",
  });
  expect(config.databases[0]?.connection.uri?.reveal()).toBe("postgresql://backup@db.internal/shop");
});

test("every setting arrives", async () => {
  const { config } = await load(
    await put(
      "backup.config.yaml",
      `databases:
  - { name: a, prefix: alpha, password: s3cret-a, connection: { host: /run/pg, port: 5433, user: u, dbname: d, sslrootcert: ca.pem, passfile: ~/.pgpass } }
  - { name: b, connection: { service: other, sslrootcert: system } }
dump: { jobs: 7, lockTimeout: 90s }
compression: zstd
verify: { level: checksum }
plugins: [{ use: ./mine.ts }]
state: var/state
`,
    ),
  );
  expect(config.databases[0]?.connection.parameters).toEqual({
    host: "/run/pg",
    port: "5433",
    user: "u",
    dbname: "d",
    sslrootcert: join(folder, "ca.pem"),
    passfile: "/home/me/.pgpass",
  });
  expect(config.databases[0]?.connection.password?.reveal()).toBe("s3cret-a");
  expect(config.databases[0]?.prefix).toBe("alpha");
  expect(config.databases[1]?.connection.parameters).toEqual({ service: "other", sslrootcert: "system" });
  expect(config).toMatchObject({
    dump: { jobs: 7, lockTimeoutMs: 90_000 },
    compression: { algorithm: "zstd" },
    verify: { level: "checksum" },
    stateFolder: join(folder, "var/state"),
    plugins: [{ use: "./mine.ts", options: {} }],
  });
});

test("state lies under XDG_STATE_HOME, for root in one place", async () => {
  const path = await put("backup.config.yaml", fourLines);
  const environment = { XDG_STATE_HOME: "/xdg" };
  expect((await load(path, environment)).config.stateFolder).toBe("/xdg/restorable");
  expect((await loadConfig({ ...settings(path, environment), uid: 0 })).config.stateFolder).toBe(
    "/var/lib/restorable",
  );
});

const asObject = `{ "databases": [{ "name": "shop", "connection": "postgresql://db/shop" }], "plugins": [{ "use": "./p.mjs" }] }`;
describe("formats", () => {
  test.each([
    ["yaml", fourLines],
    ["yml", fourLines],
    ["json", asObject],
    [
      "ts",
      `interface Nothing { readonly a: 1 }\nconst config: unknown = ${asObject};\nexport default config;`,
    ],
    ["mts", `const config: object = ${asObject};\nexport default config;`],
    ["js", `export default ${asObject};`],
    ["mjs", `export default ${asObject};`],
  ])("%s", async (ending, text) => {
    await put("package.json", `{ "type": "module" }`);
    const { config } = await load(await put(`backup.config.${ending}`, text));
    expect(config.databases[0]?.name).toBe("shop");
  });
});

const twelve = `databases:
  - name: "my shop"
    conection: postgresql://db/shop
    password: 12345678
  - name: b
    connection: { hst: db.internal, port: high, sslmode: verify-ful }
dump: { jobs: 0, lockTimeout: 5 minutes }
compression: zsdt
verify: { level: drill }
plugins:
  - { options: { path: /x } }
  - { use: ./p.mjs, option: {} }
`;

test("twelve mistakes are told at once, each with what was found, what is allowed, and what was meant", async () => {
  const error = await failure(load(await put("backup.config.yaml", twelve)));
  expect(error.code).toBe("CONFIG_INVALID");
  const mistakes = mistakesOf(error);
  const byPath = Object.fromEntries(mistakes.map((mistake) => [mistake.path, mistake]));
  expect(Object.keys(byPath).sort()).toEqual(
    [
      "databases[0].name",
      "databases[0].conection",
      "databases[0].password",
      "databases[1].connection.hst",
      "databases[1].connection.port",
      "databases[1].connection.sslmode",
      "dump.jobs",
      "dump.lockTimeout",
      "compression",
      "verify.level",
      "plugins[0].use",
      "plugins[1].option",
    ].sort(),
  );
  expect(mistakes).toHaveLength(12);
  expect(byPath["databases[0].conection"]).toEqual({
    path: "databases[0].conection",
    found: "a setting that does not exist",
    allowed: "name, connection, password, prefix",
    suggestion: "connection",
  });
  expect(byPath["databases[1].connection.hst"]?.suggestion).toBe("host");
  expect(byPath["databases[1].connection.sslmode"]).toMatchObject({
    found: "'verify-ful'",
    suggestion: "verify-full",
  });
  expect(byPath["dump.jobs"]).toMatchObject({ found: "0", allowed: "a whole number, 1 to 64" });
  expect(byPath["dump.lockTimeout"]).toMatchObject({
    found: "'5 minutes'",
    allowed: "a duration such as '90s', '5m' or '1h'",
  });
  expect(byPath["plugins[0].use"]?.found).toBe("nothing");
  expect(error.message).toContain("Did you mean 'connection'?");
  expect(error.message).not.toContain("12345678");
  const tooLong = error.message.split("\n").filter((line) => line.length > 80 && !line.includes(folder));
  expect(tooLong).toEqual([]);
});

test("what a schema cannot see is a mistake too", async () => {
  const path = await put(
    "backup.config.yaml",
    `databases:
  - connection: postgresql://db/shop
  - connection: { host: db, dbname: shop }
  - connection: { service: main }
compression: { algorithm: gzip, level: 12 }
plugins: [{ use: ./p.mjs }]
`,
  );
  expect(mistakesOf(await failure(load(path))).map((mistake) => mistake.path)).toEqual([
    "databases[1].name",
    "databases[2].name",
    "compression.level",
  ]);
});

test.each([
  ["nothing", "", "backup.config.yaml", "the file"],
  ["a text", "hello", "backup.config.yaml", "the file"],
  ["a list", "[]", "backup.config.json", "the file"],
  ["null", "null", "backup.config.json", "the file"],
  ["no default export", "export const a = 1;", "backup.config.mjs", "default export"],
])("a file that holds %s", async (_, text, name, words) => {
  const error = await failure(load(await put(name, text)));
  expect(error.code).toBe("CONFIG_INVALID");
  expect(error.message).toContain(words);
});

describe("syntax errors name the line and quote nothing of the file", () => {
  test.each([
    ["an alias", "backup.config.yaml", "databases:\n  - password: *hunter2secret\n", "line 2"],
    ["a tag", "backup.config.yaml", "databases:\n  - password: !hunter2secret x\n", "line 2"],
    ["an indentation", "backup.config.yaml", "a: 1\nb: hunter2secret: c\n", "line 2"],
    ["a duplicate key", "backup.config.yaml", "a: 1\nhunter2secret: 1\nhunter2secret: 1\n", "line 3"],
    ["JSON without comma", "backup.config.json", '{ "a": "hunter2secret"\n"b": 1 }', "line 2"],
    ["JSON without quotes", "backup.config.json", '{ "a":\n hunter2secret: 4, [ }', "line 2"],
    ["JavaScript", "backup.config.mjs", "export default {\n  password: hunter2secret hunter2secret };", ""],
    ["a module that throws", "backup.config.mjs", "\nthrow new Error('hunter2secret');", "line 2"],
  ])("%s", async (_, name, text, line) => {
    const error = await failure(load(await put(name, text)));
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(line);
    expect(JSON.stringify(error.toInfo())).not.toContain("hunter2");
  });
});

describe("variables", () => {
  test("are replaced everywhere, and what is secret among them is known", async () => {
    await put("pw", "from-file\n");
    const path = await put(
      "backup.config.yaml",
      `databases:
  - { name: "\${env:DB}", connection: "postgresql://backup:\${env:PW}@db/x", password: "\${file:pw}" }
plugins:
  - { use: ./p.mjs, options: { slack: { url: "https://hook/\${env:HOOK}" }, list: ["\${env:DEEP}", "$\${env:KEPT}"], path: "\${env:DIR}/b" } }
`,
    );
    const { config, secrets } = await load(path, {
      DB: "shop",
      PW: "p%40ss-env",
      HOOK: "T000/B000",
      DEEP: "${env:DB}",
      DIR: "/srv",
    });
    expect(config.databases[0]?.name).toBe("shop");
    expect(config.databases[0]?.connection.uri?.reveal()).toBe("postgresql://backup:p%40ss-env@db/x");
    expect(config.databases[0]?.connection.password?.reveal()).toBe("from-file");
    // What a variable holds is not read for variables again.
    expect(config.plugins[0]?.options).toEqual({
      slack: { url: "https://hook/T000/B000" },
      list: ["${env:DB}", "${env:KEPT}"],
      path: "/srv/b",
    });
    expect(secrets).toEqual(expect.arrayContaining(["from-file", "p%40ss-env", "p@ss-env", "T000/B000"]));
    expect(secrets).not.toContain("shop");
    expect(secrets).not.toContain("/srv");
    expect(JSON.stringify(config)).not.toMatch(/from-file|p%40ss/);
  });

  test("that are missing are mistakes with their path, and only that", async () => {
    await put("empty", "\n");
    const path = await put(
      "backup.config.yaml",
      `databases:
  - { connection: "\${env:NO_URI}", name: a, password: "\${file:nowhere}" }
  - { connection: "postgresql://db/b", password: "\${file:empty}" }
plugins: [{ use: ./p.mjs, options: { a: "\${HOME}", b: "\${env:EMPTY}", c: "\${env:OPEN" } }]
`,
    );
    const mistakes = mistakesOf(await failure(load(path, { EMPTY: "" })));
    expect(mistakes.map((mistake) => mistake.path).sort()).toEqual([
      "databases[0].connection",
      "databases[0].password",
      "databases[1].password",
      "plugins[0].options.a",
      "plugins[0].options.b",
      "plugins[0].options.c",
    ]);
    expect(mistakes.find((mistake) => mistake.path === "databases[0].connection")?.found).toBe(
      "${env:NO_URI}, but that variable is not set",
    );
  });

  test("in a mistake are not shown", async () => {
    const path = await put(
      "backup.config.yaml",
      fourLines.replace("postgresql://backup@db.internal/shop", "${env:URI}"),
    );
    const error = await failure(load(path, { URI: "mysql-hunter2" }));
    expect(mistakesOf(error)[0]).toMatchObject({ path: "databases[0].connection", found: "a text" });
  });
});

describe("a secret that others can read", () => {
  const withPassword = fourLines.replace("- connection", "- password: hunter2hunter2\n    connection");
  test.each([
    ["a password", withPassword, "databases[0].password"],
    ["a password in a URI", fourLines.replace("backup@", "backup:hunter2@"), "databases[0].connection"],
    [
      "a password as a URI's parameter",
      fourLines.replace("/shop", "/shop?password=hunter2"),
      "databases[0].connection",
    ],
    [
      "a plugin's token",
      fourLines.replace("path: /var/backups", "apiToken: hunter2"),
      "plugins[0].options.apiToken",
    ],
    [
      "a private key",
      fourLines.replace("/var/backups", "-----BEGIN OPENSSH PRIVATE KEY-----hunter2"),
      "plugins[0].options.path",
    ],
  ])("literal %s is refused", async (_, text, setting) => {
    for (const mode of [0o644, 0o640, 0o604]) {
      const error = await failure(load(await put("backup.config.yaml", text, mode)));
      expect(error.code).toBe("CONFIG_EXPOSED");
      expect(error.message).toContain(setting);
      expect(error.hint).toBe(`Run 'chmod 600 ${join(folder, "backup.config.yaml")}'`);
      expect(JSON.stringify(error.toInfo())).not.toContain("hunter2");
    }
    expect((await load(await put("backup.config.yaml", text, 0o600))).secrets.join()).toContain("hunter2");
  });

  test("a readable file without secrets is welcome", async () => {
    await put("pw", "hunter2hunter2", 0o640);
    const text = fourLines
      .replace("- connection", "- password: ${file:pw}\n    connection")
      .replace("path: /var", "passfile: x, tokenUrl: y, path: /var")
      .replace("backup@", "backup:${env:PW}@");
    expect((await load(await put("backup.config.yaml", text, 0o644), { PW: "abcdef" })).secrets).toEqual(
      expect.arrayContaining(["hunter2hunter2", "abcdef"]),
    );
  });

  test("a world-readable ${file:} is refused", async () => {
    const pw = await put("pw", "hunter2hunter2", 0o644);
    const error = await failure(
      load(await put("backup.config.yaml", withPassword.replace("hunter2hunter2", "${file:pw}"))),
    );
    expect(error).toMatchObject({ code: "CONFIG_EXPOSED", hint: `Run 'chmod 600 ${pw}'` });
  });

  test("a program that takes its password from elsewhere holds none", async () => {
    const program = (password: string): string =>
      `export default { databases: [{ connection: "postgresql://db/x", password: ${password} }], plugins: [{ use: "./p" }] };`;
    await load(await put("a.mjs", program('["hunter", "2", "x"].join("")'), 0o644));
    expect((await failure(load(await put("b.mjs", program('"hunter2x"'), 0o644)))).code).toBe(
      "CONFIG_EXPOSED",
    );
  });

  test("mistakes and exposures can be seen together", async () => {
    const reading = await read(await put("backup.config.yaml", `${withPassword}dmp: {}\n`, 0o644));
    expect(reading.config).toBeUndefined();
    expect(reading.exposures).toHaveLength(1);
    expect(reading.mistakes.map((mistake) => mistake.suggestion)).toEqual(["dump"]);
    expect(reading.plugins).toEqual([{ use: "@restorable/plugin-local", options: { path: "/var/backups" } }]);
  });
});

test("$import brings other files in, and their permissions count", async () => {
  await put("base.yaml", fourLines.replace("backup@", "backup:hunter2@"), 0o644);
  const error = await failure(
    load(await put("backup.config.yaml", "$import: base.yaml\ndump: { jobs: 1 }\n")),
  );
  expect(error.code).toBe("CONFIG_EXPOSED");
  expect(error.message).toContain("base.yaml");
});
