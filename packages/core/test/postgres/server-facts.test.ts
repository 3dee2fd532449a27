import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPostgres, type TestCluster, testCluster } from "../../../../test/support/postgres.ts";
import { secret } from "../../src/config/secret.ts";
import { findBlockers } from "../../src/postgres/blocking-sessions.ts";
import { resolveConnection } from "../../src/postgres/connection.ts";
import { readServerFacts } from "../../src/postgres/server-facts.ts";
import { connect, type Session } from "../../src/postgres/session.ts";

describe.skipIf(missingPostgres())("a real server", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.query(
      "postgres",
      "CREATE ROLE owner LOGIN PASSWORD 'pw-owner'; CREATE ROLE reader; CREATE ROLE policed; CREATE ROLE bystander; CREATE ROLE dbowner; CREATE ROLE plain LOGIN PASSWORD 'pw-plain'",
    );
    await cluster.createDatabase(
      "shop",
      `
      CREATE TABLE items (a int); ALTER TABLE items OWNER TO owner; GRANT SELECT ON items TO reader;
      CREATE TABLE rows (a int); ALTER TABLE rows OWNER TO owner; ALTER TABLE rows ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON rows TO policed USING (true)`,
    );
    await cluster.createDatabase("other", "CREATE TABLE t (a int); ALTER TABLE t OWNER TO bystander");
    await cluster.createDatabase("supers", "CREATE TABLE t (a int)");
    await cluster.query("postgres", "ALTER DATABASE shop OWNER TO dbowner");
    await cluster.query(
      "postgres",
      "CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'",
    );
    await cluster.query("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
  });
  afterAll(() => cluster?.stop());
  const open = async (
    database: string,
    user?: string,
    password?: string,
    applicationName = "restorable/test",
  ): Promise<Session> =>
    connect(
      await resolveConnection(
        { uri: secret(cluster.uri(database, user, password)), parameters: {} },
        { HOME: "/nonexistent" },
      ),
      { applicationName },
    );
  const factsOf = async (database: string, user?: string, password?: string) => {
    const session = await open(database, user, password);
    try {
      return await readServerFacts(session);
    } finally {
      await session.close();
    }
  };

  test("version, locale, roles, size, time", async () => {
    const facts = await factsOf("shop");
    expect(facts).toMatchObject({
      major: cluster.major,
      databaseName: "shop",
      encoding: "UTF8",
      localeProvider: "c",
      collate: "C.UTF-8",
      ctype: "C.UTF-8",
      inRecovery: false,
      extensions: [{ name: "plpgsql", version: "1.0" }],
    });
    expect(facts.roles).toEqual(["dbowner", "owner", "policed", "reader"]);
    expect(facts.version.startsWith(`${cluster.major}.`)).toBe(true);
    expect(Math.floor(facts.versionNumber / 10_000)).toBe(cluster.major);
    expect(facts.systemIdentifier).toMatch(/^\d{15,}$/);
    expect(facts.databaseBytes).toBeGreaterThan(1_000_000);
    expect(Math.abs(facts.now.getTime() - Date.now())).toBeLessThan(10_000);
    expect(facts).not.toHaveProperty("locale");
  });
  test("the bootstrap role appears where it owns something", async () => {
    expect((await factsOf("supers")).roles).toEqual(["postgres"]);
    expect((await factsOf("other")).roles).toEqual(["bystander"]);
  });
  test("ICU and another encoding", async () => {
    expect(await factsOf("icu")).toMatchObject({ localeProvider: "i", locale: "de-DE" });
    expect(await factsOf("latin")).toMatchObject({ encoding: "LATIN1", collate: "C" });
  });
  test("an ordinary role reads the same", async () => {
    const { now: _, ...as } = await factsOf("shop", "plain", "pw-plain");
    const { now: __, ...expected } = await factsOf("shop");
    expect({ ...as, databaseBytes: 0 }).toEqual({ ...expected, databaseBytes: 0 });
    await cluster.query("shop", "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
    expect((await factsOf("shop", "plain", "pw-plain")).systemIdentifier).toBe("");
  });

  test("who makes our sessions wait", async () => {
    const [holder, waiter, watcher] = await Promise.all([
      open("shop", undefined, undefined, "migration"),
      open("shop", "owner", "pw-owner", "restorable/run-1"),
      open("shop", "owner", "pw-owner", "restorable/run-1/watch"),
    ]);
    try {
      expect(await findBlockers(watcher, "restorable/run-1")).toEqual([]);
      await holder.query("BEGIN");
      await holder.query("LOCK TABLE public.items IN ACCESS EXCLUSIVE MODE");
      const [held] = await holder.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      const [waits] = await waiter.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await waiter.query("BEGIN");
      const waiting = waiter.query("LOCK TABLE public.items IN ACCESS SHARE MODE");
      await expect
        .poll(() => findBlockers(watcher, "restorable/run-1"))
        .toEqual([
          {
            pid: held?.pid,
            user: "postgres",
            application: "migration",
            queryAgeMs: expect.any(Number),
            relation: "public.items",
            waitingPid: waits?.pid,
          },
        ]);
      expect(await findBlockers(watcher, "restorable/run-2")).toEqual([]);
      await holder.query("ROLLBACK");
      await waiting;
      expect(await findBlockers(watcher, "restorable/run-1")).toEqual([]);
    } finally {
      await Promise.all([holder, waiter, watcher].map((session) => session.close()));
    }
  });
});
