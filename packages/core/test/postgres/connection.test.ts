import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectionConfig } from "../../src/config/config.ts";
import { secret } from "../../src/config/secret.ts";
import {
  type ConnectionTarget,
  programEnvironment,
  resolveConnection,
  secretsOf,
} from "../../src/postgres/connection.ts";

const uri = (text: string): ConnectionConfig => ({ uri: secret(text), parameters: {} });
const fields = (parameters: Record<string, string>, password?: string): ConnectionConfig => ({
  parameters,
  ...(password !== undefined && { password: secret(password) }),
});
const shown = (target: ConnectionTarget) => ({
  hosts: target.hosts.map(({ password, ...candidate }) => ({
    ...candidate,
    ...(password && { password: password.reveal() }),
  })),
  user: target.user,
  database: target.database,
});

describe("resolveConnection", () => {
  let home: string;
  const environment = (more: Record<string, string> = {}): Record<string, string> => ({
    HOME: home,
    PGSYSCONFDIR: join(home, "etc"),
    ...more,
  });
  const write = async (name: string, text: string, mode = 0o600): Promise<string> => {
    const path = join(home, name);
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  };
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "restorable-home-"));
    await mkdir(join(home, "etc"));
  });
  afterAll(() => rm(home, { recursive: true }));

  test("a URI with everything percent-encoded", async () => {
    const target = await resolveConnection(
      uri(
        "postgres://us%40er:p%3A%2F%40s%25s@db.example:6543/my%20shop?sslmode=verify-full&options=-c%20work_mem%3D64MB&connect_timeout=1",
      ),
      environment(),
    );
    expect(shown(target)).toEqual({
      hosts: [{ host: "db.example", port: 6543, password: "p:/@s%s" }],
      user: "us@er",
      database: "my shop",
    });
    expect(target).toMatchObject({
      options: "-c work_mem=64MB",
      connectTimeoutMs: 2000,
      tls: { mode: "verify-full" },
    });
    expect(secretsOf(target)).toEqual(["p:/@s%s"]);
    expect(JSON.stringify(target)).not.toContain("p:/@s%s");
  });

  test.each([
    ["postgresql://%2Fvar%2Frun%2Fpg/shop", [{ host: "/var/run/pg", port: 5432 }]],
    ["postgresql:///shop?host=/tmp/sock&port=6000", [{ host: "/tmp/sock", port: 6000 }]],
    [
      "postgresql://u@a:1,b,[::1]:3/shop",
      [
        { host: "a", port: 1 },
        { host: "b", port: 5432 },
        { host: "::1", port: 3 },
      ],
    ],
    [
      "postgresql://u@a,b/shop?port=7000",
      [
        { host: "a", port: 7000 },
        { host: "b", port: 7000 },
      ],
    ],
    ["postgresql://u@name/shop?hostaddr=10.0.0.1", [{ host: "name", address: "10.0.0.1", port: 5432 }]],
    ["postgresql://u@a/shop?ssl=true", [{ host: "a", port: 5432 }]],
  ])("hosts of %s", async (text, hosts) => {
    const target = await resolveConnection(uri(text), environment());
    expect(target.hosts).toEqual(hosts);
    expect(target.database).toBe("shop");
    expect(target.tls.mode).toBe(text.endsWith("ssl=true") ? "require" : "prefer");
  });

  test.each([
    ["mysql://u:geheim99@a/b", /does not begin/],
    ["postgresql://u:geheim99@a:x/b", /malformed/],
    ["postgresql://u:geheim99%zz@a/b", /percent-encoding/],
    ["postgresql://u:geheim99@a/b?nonsense=geheim99", /"nonsense" is not supported/],
    ["postgresql://u:geheim99@a/b?require_auth=scram-sha-256", /"require_auth" is not supported/],
    ["postgresql://u:geheim99@a:1,b:2/b?port=1,2,3", /3 ports stand beside 2 hosts/],
    ["postgresql://u:geheim99@a:70000/b", /"70000" is no port/],
    ["postgresql://u:geheim99@a/b?sslmode=strict", /sslmode "strict" is unknown/],
    ["postgresql://u:geheim99@a/b?sslmode=require&sslrootcert=system", /needs sslmode "verify-full"/],
    ["postgresql://u:geheim99@a/b?gssencmode=require", /gssencmode "require" is not supported/],
  ])("a mistake is told without the password: %s", async (text, message) => {
    const error = await resolveConnection(uri(text), environment()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(message) });
    expect(String(error)).not.toContain("geheim99");
  });

  test("as in libpq, the first @ ends the password", async () => {
    const target = await resolveConnection(uri("postgresql://u:p@ss@a/b"), environment());
    expect(target.hosts[0]).toMatchObject({ host: "ss@a" });
  });

  test("nothing at all: socket, user of the system, database of the user's name", async () => {
    const target = await resolveConnection(fields({}), environment());
    const { username } = userInfo();
    expect(shown(target)).toMatchObject({
      user: username,
      database: username,
      hosts: [{ host: expect.stringMatching(/^\/(var\/run\/postgresql|tmp)$/), port: 5432 }],
    });
    expect(target.connectTimeoutMs).toBe(15_000);
  });

  test("explicit beats service, service beats variables, variables beat defaults", async () => {
    await write(
      ".pg_service.conf",
      "# services\n[other]\nhost=wrong\n\n[shop]\nhost=service-host\nport=7001\nuser=service-user\n host=second-counts-not\n[more]\nport=1\n",
    );
    const target = await resolveConnection(
      fields({ service: "shop", port: "7002" }),
      environment({
        PGHOST: "variable-host",
        PGUSER: "variable-user",
        PGPORT: "7003",
        PGDATABASE: "variable-db",
        PGPASSWORD: "variable-pw",
      }),
    );
    expect(shown(target)).toEqual({
      hosts: [{ host: "service-host", port: 7002, password: "variable-pw" }],
      user: "service-user",
      database: "variable-db",
    });
  });

  test("fields beat the URI, and the password beside it beats both", async () => {
    const target = await resolveConnection(
      { uri: secret("postgresql://u:one@a/b"), parameters: { host: "c" }, password: secret("two") },
      environment({ PGPASSWORD: "three" }),
    );
    expect(shown(target)).toEqual({
      hosts: [{ host: "c", port: 5432, password: "two" }],
      user: "u",
      database: "b",
    });
  });

  test("PGSERVICE, PGSERVICEFILE, then the system's file", async () => {
    const path = await write("services", "[here]\nhost=from-file\n");
    await write("etc/pg_service.conf", "[there]\nhost=from-system\n");
    const host = async (more: Record<string, string>) =>
      (await resolveConnection(fields({}), environment(more))).hosts[0]?.host;
    expect(await host({ PGSERVICE: "here", PGSERVICEFILE: path })).toBe("from-file");
    expect(await host({ PGSERVICE: "there", PGSERVICEFILE: path })).toBe("from-system");
    await expect(host({ PGSERVICE: "nowhere" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining('"nowhere"'),
    });
    await expect(host({ PGSERVICE: "here", PGSERVICEFILE: join(home, "absent") })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  test("a broken service file names the line, not its content", async () => {
    const path = await write("broken", "[here]\nhost=a\ngeheim99\n");
    const error = await resolveConnection(
      fields({ service: "here" }),
      environment({ PGSERVICEFILE: path }),
    ).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/line 3/);
    expect(String(error)).not.toContain("geheim99");
  });

  test("the password file: first line that fits, wildcards, escapes, a socket is localhost", async () => {
    const passfile = await write(
      "pass",
      [
        "# comment",
        "",
        "a:5432:shop:u:first",
        "a:5432:shop:u:second",
        "a:*:*:u\\:x:esc\\:aped\\\\:rest",
        "localhost:*:*:*:socket",
        "/tmp/s:*:*:*:folder",
        "\\:\\:1:*:*:*:six",
        "*:9999:*:*:any",
      ].join("\n"),
    );
    const password = async (parameters: Record<string, string>) =>
      (
        await resolveConnection(fields({ passfile, dbname: "shop", user: "u", ...parameters }), environment())
      ).hosts[0]?.password?.reveal();
    expect(await password({ host: "a" })).toBe("first");
    expect(await password({ host: "a", user: "u:x" })).toBe("esc:aped\\");
    expect(await password({ host: "/var/run/postgresql" })).toBe("socket");
    expect(await password({ host: "/tmp/s" })).toBe("folder");
    expect(await password({ host: "::1" })).toBe("six");
    expect(await password({ host: "b", port: "9999" })).toBe("any");
    expect(await password({ host: "b" })).toBeUndefined();
  });

  test("each host has its own password; PGPASSFILE and ~/.pgpass", async () => {
    await write(".pgpass", "a:*:*:*:of-a\nb:*:*:*:of-b\n");
    const other = await write("other", "a:*:*:*:elsewhere\n");
    const passwords = async (more: Record<string, string>) =>
      (await resolveConnection(fields({ host: "a,b" }), environment(more))).hosts.map((candidate) =>
        candidate.password?.reveal(),
      );
    expect(await passwords({})).toEqual(["of-a", "of-b"]);
    expect(await passwords({ PGPASSFILE: other })).toEqual(["elsewhere", undefined]);
    expect(await passwords({ PGPASSWORD: "given" })).toEqual(["given", "given"]);
  });

  test("a password file that others may read is passed over", async () => {
    const passfile = await write("open", "*:*:*:*:geheim99\n", 0o640);
    const target = await resolveConnection(fields({ host: "a", passfile }), environment());
    expect(target.hosts[0]?.password).toBeUndefined();
    expect(target.passfileProblem).toMatch(/chmod 600/);
  });

  test("programs get one host, the password, and no file to look into", async () => {
    const target = await resolveConnection(
      fields({ host: "a", dbname: "host=evil", user: "u", sslmode: "require" }, "pw"),
      environment(),
    );
    expect(programEnvironment(target)).toMatchObject({
      PGHOST: "a",
      PGPORT: "5432",
      PGUSER: "u",
      PGDATABASE: "host=evil",
      PGPASSWORD: "pw",
      PGSSLMODE: "require",
      PGPASSFILE: "/dev/null/none",
      PGCONNECT_TIMEOUT: "15",
    });
  });
});
