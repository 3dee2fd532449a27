import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPostgres, type TestCluster, testCluster } from "../../../../test/support/postgres.ts";
import { secret } from "../../src/config/secret.ts";
import {
  type ConnectionTarget,
  programEnvironment,
  resolveConnection,
} from "../../src/postgres/connection.ts";
import { connect } from "../../src/postgres/session.ts";
import { programVerdict, sessionVerdict } from "./verdict.ts";

describe.skipIf(missingPostgres())("connect", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.createDatabase("my shop");
    await cluster.query("postgres", "CREATE ROLE \"an@na\" LOGIN PASSWORD 'Gehe:im/99 %ü'");
  });
  afterAll(() => cluster?.stop());
  const target = (uri: string): Promise<ConnectionTarget> =>
    resolveConnection({ uri: secret(uri), parameters: {} }, { HOME: "/nonexistent" });
  const anna = (): string => cluster.uri("my shop", "an@na", "Gehe:im/99 %ü");

  test("a URI with a strange password and database; psql agrees", async () => {
    const session = await connect(await target(anna()), { applicationName: "restorable/test" });
    expect(
      await session.query(
        "SELECT current_user AS user, current_database() AS database, $1::int AS number",
        [7],
      ),
    ).toEqual([{ user: "an@na", database: "my shop", number: 7 }]);
    expect(session.target.hosts).toMatchObject([
      { host: "127.0.0.1", address: "127.0.0.1", port: cluster.port },
    ]);
    expect(await programVerdict(session.target, cluster.binFolder)).toMatchObject({
      outcome: "plain",
      message: "",
    });
    await session.close();
    await session.close();
  });

  test("the socket, by fields", async () => {
    const resolved = await resolveConnection(
      {
        parameters: {
          host: cluster.socketFolder,
          port: String(cluster.port),
          user: "postgres",
          dbname: "postgres",
          sslmode: "require",
        },
      },
      {},
    );
    expect((await sessionVerdict(resolved)).outcome).toBe("plain");
    expect(await programVerdict(resolved, cluster.binFolder)).toMatchObject({
      outcome: "plain",
      message: "",
    });
  });

  test("a name is pinned to the address that answered", async () => {
    const session = await connect(await target(anna().replace("127.0.0.1", "localhost")), {
      applicationName: "restorable/test",
    });
    expect(session.target.hosts).toMatchObject([{ host: "localhost", address: "127.0.0.1" }]);
    expect(programEnvironment(session.target)).toMatchObject({
      PGHOST: "localhost",
      PGHOSTADDR: "127.0.0.1",
    });
    expect((await programVerdict(session.target, cluster.binFolder)).outcome).toBe("plain");
    await session.close();
  });

  test("time limits are off and the format is fixed, whatever the role's own settings say", async () => {
    await cluster.query(
      "postgres",
      "ALTER ROLE \"an@na\" SET statement_timeout = '1h'; ALTER ROLE \"an@na\" SET idle_in_transaction_session_timeout = '1h'; ALTER ROLE \"an@na\" SET datestyle = 'German'; ALTER ROLE \"an@na\" SET search_path = 'pg_toast'",
    );
    const session = await connect(
      await target(`${anna()}?options=-c%20lock_timeout%3D5000%20-c%20work_mem%3D5MB`),
      { applicationName: "restorable/test", readOnly: true, database: "postgres" },
    );
    const rows = await session.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE name = ANY($1)",
      [
        [
          "statement_timeout",
          "lock_timeout",
          "idle_in_transaction_session_timeout",
          "DateStyle",
          "search_path",
          "application_name",
          "default_transaction_read_only",
          "work_mem",
          "client_connection_check_interval",
        ],
      ],
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      statement_timeout: "0",
      lock_timeout: "0",
      idle_in_transaction_session_timeout: "0",
      DateStyle: "ISO, YMD",
      search_path: "",
      application_name: "restorable/test",
      default_transaction_read_only: "on",
      work_mem: "5120",
      client_connection_check_interval: "1000",
    });
    expect(session.target.database).toBe("postgres");
    await expect(session.query("CREATE TABLE public.t (a int)")).rejects.toMatchObject({
      code: "DATABASE_QUERY",
      details: { sqlState: "25006" },
    });
    await session.close();
  });

  test("variables of this process are not asked behind our back", async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      PGOPTIONS: "-c work_mem=7MB",
      PGPASSWORD: "nonsense",
      PGSSLMODE: "require",
      PGAPPNAME: "other",
    });
    try {
      const session = await connect(await target(anna()), { applicationName: "restorable/test" });
      expect(
        await session.query(
          "SELECT current_setting('work_mem') AS m, current_setting('application_name') AS a",
        ),
      ).toEqual([{ m: "4MB", a: "restorable/test" }]);
      await session.close();
    } finally {
      process.env = before;
    }
  });

  test.each([
    [
      "a wrong password",
      () => cluster.uri("my shop", "an@na", "Wrong-99"),
      "DATABASE_REFUSED",
      /an@na.*password authentication failed/,
    ],
    [
      "no password",
      () => cluster.uri("my shop", "an@na"),
      "DATABASE_REFUSED",
      /wants a password, and none is given/,
    ],
    [
      "no such database",
      () => anna().replace("my%20shop", "absent"),
      "DATABASE_REFUSED",
      /database "absent".*does not exist/,
    ],
    [
      "no such host",
      () => anna().replace("127.0.0.1", "nothing.invalid"),
      "DATABASE_UNREACHABLE",
      /nothing\.invalid:\d+/,
    ],
    [
      "no server",
      () => anna().replace(/:\d+\//, ":1/"),
      "DATABASE_UNREACHABLE",
      /127\.0\.0\.1:1: connection refused/,
    ],
    [
      "no socket",
      () => `postgresql://u@/d?host=/nonexistent`,
      "DATABASE_UNREACHABLE",
      /\/nonexistent\/\.s\.PGSQL\.5432: no such socket/,
    ],
  ])("%s", async (_, uri, code, message) => {
    const wanted = await target(uri());
    const verdict = await sessionVerdict(wanted);
    expect(verdict).toMatchObject({ outcome: code, message: expect.stringMatching(message) });
    expect(verdict.message).not.toMatch(/Gehe|Wrong-99/);
    expect((await programVerdict(wanted, cluster.binFolder)).outcome).toBe("failed");
  });

  test("several hosts: the first that answers; a refused log-in ends the search", async () => {
    const several = anna().replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:");
    const session = await connect(await target(several), { applicationName: "restorable/test" });
    expect(session.target.hosts).toHaveLength(1);
    expect(session.target.hosts[0]?.port).toBe(cluster.port);
    await session.close();
    const primary = await sessionVerdict(await target(`${anna()}?target_session_attrs=primary`));
    expect(primary.outcome).toBe("plain");
    expect(await sessionVerdict(await target(`${anna()}?target_session_attrs=standby`))).toMatchObject({
      outcome: "DATABASE_UNREACHABLE",
      message: expect.stringContaining("the server is not standby"),
    });
    expect(
      (await sessionVerdict(await target(`${anna()}?target_session_attrs=prefer-standby`))).outcome,
    ).toBe("plain");
    const refused = cluster
      .uri("my shop", "an@na", "Wrong-99")
      .replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:")
      .replace(/(:\d+)\/my/, "$1,127.0.0.1:2/my");
    expect(await sessionVerdict(await target(refused))).toMatchObject({ outcome: "DATABASE_REFUSED" });
  });

  test("a server that never answers is given up", async () => {
    const silent = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const begun = Date.now();
    expect(
      await sessionVerdict(
        await target(`postgresql://u@127.0.0.1:${port}/d?connect_timeout=2&sslmode=disable`),
      ),
    ).toMatchObject({ outcome: "DATABASE_UNREACHABLE", message: expect.stringMatching(/timed out/) });
    expect(Date.now() - begun).toBeLessThan(4000);
    const over = new AbortController();
    setTimeout(() => over.abort(new Error("enough")), 50);
    await expect(
      connect(await target(`postgresql://u@127.0.0.1:${port}/d`), {
        applicationName: "x",
        signal: over.signal,
      }),
    ).rejects.toThrow("enough");
    silent.close();
  });

  test("a killed session is told by the next query, and by nothing else", async () => {
    const session = await connect(await target(anna()), { applicationName: "restorable/test" });
    const [own] = await session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await cluster.query("postgres", `SELECT pg_terminate_backend(${own?.pid})`);
    await expect(session.query("SELECT 1")).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await session.close();
  });

  test("an abort ends a running query with its reason", async () => {
    const over = new AbortController();
    const session = await connect(await target(anna()), {
      applicationName: "restorable/test",
      signal: over.signal,
    });
    const slow = session.query("SELECT pg_sleep(30)");
    setTimeout(() => over.abort(new Error("enough")), 50);
    await expect(slow).rejects.toThrow("enough");
    await session.close();
  });

  test("a broken statement is DATABASE_QUERY with the server's words", async () => {
    const session = await connect(await target(anna()), { applicationName: "restorable/test" });
    await expect(session.query("SELECT nonsense")).rejects.toMatchObject({
      code: "DATABASE_QUERY",
      message: 'Cannot query database "my shop": column "nonsense" does not exist',
    });
    expect(await session.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await session.close();
  });
});
