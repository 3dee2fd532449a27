import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPostgres, type TestCluster, testCluster } from "../../../../test/support/postgres.ts";
import { secret } from "../../src/config/secret.ts";
import { type ConnectionTarget, resolveConnection } from "../../src/postgres/connection.ts";
import { programVerdict, sessionVerdict } from "./verdict.ts";

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
const refused = "DATABASE_REFUSED";

describe.skipIf(missingPostgres())("sslmode means the same in our session and in psql", () => {
  let named: TestCluster;
  let nameless: TestCluster;
  let without: TestCluster;
  let home: string;
  beforeAll(async () => {
    const rules = [
      "hostssl all certified all cert",
      "hostssl all onlytls all scram-sha-256",
      "hostnossl all onlyplain all scram-sha-256",
      "host all postgres all scram-sha-256",
    ];
    named = await testCluster({ tls: true, rules });
    nameless = await testCluster({ tls: { serverNames: "DNS:elsewhere.example" } });
    without = await testCluster();
    home = await mkdtemp(join(tmpdir(), "restorable-home-"));
    await mkdir(join(home, ".postgresql"));
    await named.query(
      "postgres",
      "CREATE ROLE certified LOGIN; CREATE ROLE onlytls LOGIN PASSWORD 'pw-only'; CREATE ROLE onlyplain LOGIN PASSWORD 'pw-only'",
    );
  });
  afterAll(async () => {
    await Promise.all([named?.stop(), nameless?.stop(), without?.stop()]);
    await rm(home, { recursive: true, force: true });
  });

  const target = (
    cluster: TestCluster,
    mode: string,
    more: Record<string, string> = {},
    user = "postgres",
    password?: string,
  ): Promise<ConnectionTarget> =>
    resolveConnection(
      {
        uri: secret(cluster.uri("postgres", user, password)),
        parameters: { host: "localhost", ...(mode && { sslmode: mode }), ...more },
      },
      { HOME: home },
    );
  /** What our session and psql both say; both words where they differ, which no test expects. */
  const outcome = async (resolved: ConnectionTarget): Promise<string> => {
    const ours = await sessionVerdict(resolved);
    const theirs = await programVerdict(resolved, named.binFolder);
    if (/Pa55|pw-only/.test(ours.message)) return `a password in "${ours.message}"`;
    const same = theirs.outcome === (ours.outcome === refused ? "failed" : ours.outcome);
    return same
      ? ours.outcome
      : `session: ${ours.outcome} ${ours.message}, psql: ${theirs.outcome} ${theirs.message}`;
  };
  const outcomes = async (make: (mode: string) => Promise<ConnectionTarget>): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const mode of modes) found.push(await outcome(await make(mode)));
    return found;
  };

  test("no authority known", async () => {
    expect(await outcomes((mode) => target(named, mode))).toEqual([
      "plain",
      "plain",
      "tls",
      "tls",
      refused,
      refused,
    ]);
  });
  test("the right authority, the right name", async () => {
    const more = { sslrootcert: named.certificates().rootCertificate };
    expect(await outcomes((mode) => target(named, mode, more))).toEqual([
      "plain",
      "plain",
      "tls",
      "tls",
      "tls",
      "tls",
    ]);
  });
  test("the right authority, the right address", async () => {
    const more = { host: "127.0.0.1", sslrootcert: named.certificates().rootCertificate };
    expect(await outcome(await target(named, "verify-full", more))).toBe("tls");
  });
  test("the right authority, a wrong name", async () => {
    const more = { sslrootcert: nameless.certificates().rootCertificate };
    expect(await outcomes((mode) => target(nameless, mode, more))).toEqual([
      "plain",
      "plain",
      "tls",
      "tls",
      "tls",
      refused,
    ]);
  });
  test("the name counts, not the address that is dialled", async () => {
    const more = {
      host: "elsewhere.example",
      hostaddr: "127.0.0.1",
      sslrootcert: nameless.certificates().rootCertificate,
    };
    expect(await outcome(await target(nameless, "verify-full", more))).toBe("tls");
  });
  test("a wrong authority: prefer falls back, require refuses", async () => {
    const more = { sslrootcert: named.certificates().strangerCertificate };
    expect(await outcomes((mode) => target(named, mode, more))).toEqual([
      "plain",
      "plain",
      "plain",
      refused,
      refused,
      refused,
    ]);
  });
  test("a server without TLS", async () => {
    const more = { sslrootcert: named.certificates().rootCertificate };
    expect(await outcomes((mode) => target(without, mode, more))).toEqual([
      "plain",
      "plain",
      "plain",
      refused,
      refused,
      refused,
    ]);
  });
  test("a role that only TLS lets in", async () => {
    const expected = [refused, "tls", "tls", "tls", refused, refused];
    expect(await outcomes((mode) => target(named, mode, {}, "onlytls", "pw-only"))).toEqual(expected);
  });
  test("a role that TLS keeps out", async () => {
    const expected = ["plain", "plain", "plain", refused, refused, refused];
    expect(await outcomes((mode) => target(named, mode, {}, "onlyplain", "pw-only"))).toEqual(expected);
  });
  test("an authority of ~/.postgresql/root.crt", async () => {
    const path = join(home, ".postgresql", "root.crt");
    await copyFile(named.certificates().strangerCertificate, path);
    try {
      expect(await outcome(await target(named, "require"))).toBe(refused);
      expect(await outcome(await target(named, "prefer"))).toBe("plain");
      await copyFile(named.certificates().rootCertificate, path);
      expect(await outcome(await target(named, "require"))).toBe("tls");
      expect(await outcome(await target(named, "verify-full"))).toBe("tls");
    } finally {
      await rm(path);
    }
  });
  test("the machine's authorities do not know ours, until they do", async () => {
    const resolved = await target(named, "", { sslrootcert: "system" });
    expect(resolved.tls.mode).toBe("verify-full");
    expect(await outcome(resolved)).toBe(refused);
    const known = await resolveConnection(
      { uri: secret(named.uri("postgres")), parameters: { host: "localhost", sslrootcert: "system" } },
      { HOME: home, SSL_CERT_FILE: named.certificates().rootCertificate },
    );
    expect(await outcome(known)).toBe("tls");
  });
  test("a client's certificate instead of a password", async () => {
    const { clientCertificate, clientKey, strangerCertificate } = named.certificates();
    const own = join(home, "client.key");
    await copyFile(clientKey, own);
    await chmod(own, 0o600);
    const certified = { sslcert: clientCertificate, sslkey: own };
    const keyless = { sslcert: strangerCertificate, sslkey: join(home, "absent") };
    expect(await outcome(await target(named, "require", certified, "certified"))).toBe("tls");
    expect(await outcome(await target(named, "require", {}, "certified"))).toBe(refused);
    expect(await outcome(await target(named, "require", keyless, "certified"))).toBe(refused);
    await chmod(own, 0o644);
    expect(await outcome(await target(named, "require", certified, "certified"))).toBe(refused);
  });
  test("channel binding", async () => {
    expect(await outcome(await target(named, "require", { channel_binding: "require" }))).toBe("tls");
    expect(await outcome(await target(named, "disable", { channel_binding: "require" }))).toBe(refused);
  });
});
