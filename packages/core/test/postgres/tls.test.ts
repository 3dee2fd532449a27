import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPostgres, type TestCluster, testCluster } from "../../../../test/support/postgres.ts";
import { secret } from "../../src/config/secret.ts";
import { type ConnectionTarget, resolveConnection } from "../../src/postgres/connection.ts";
import { programVerdict, sessionVerdict } from "./verdict.ts";

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type Outcomes = readonly [string, string, string, string, string, string];
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
  const agree = async (resolved: ConnectionTarget, outcome: string): Promise<void> => {
    const ours = await sessionVerdict(resolved);
    const theirs = await programVerdict(resolved, named.binFolder);
    expect({ ours: ours.outcome, psql: theirs.outcome }, `${ours.message}\n${theirs.message}`).toEqual({
      ours: outcome,
      psql: outcome === refused ? "failed" : outcome,
    });
    expect(ours.message).not.toContain("Pa55");
  };
  const all = async (
    outcomes: Outcomes,
    make: (mode: string) => Promise<ConnectionTarget>,
  ): Promise<void> => {
    for (const [index, mode] of modes.entries()) await agree(await make(mode), outcomes[index] ?? "");
  };

  test("no authority known", () =>
    all(["plain", "plain", "tls", "tls", refused, refused], (mode) => target(named, mode)));
  test("the right authority, the right name", () =>
    all(["plain", "plain", "tls", "tls", "tls", "tls"], (mode) =>
      target(named, mode, { sslrootcert: named.certificates().rootCertificate }),
    ));
  test("the right authority, the right address", () => agreeByAddress("verify-full", "tls"));
  test("the right authority, a wrong name", () =>
    all(["plain", "plain", "tls", "tls", "tls", refused], (mode) =>
      target(nameless, mode, { sslrootcert: nameless.certificates().rootCertificate }),
    ));
  test("a wrong authority: prefer falls back, require refuses", () =>
    all(["plain", "plain", "plain", refused, refused, refused], (mode) =>
      target(named, mode, { sslrootcert: named.certificates().strangerCertificate }),
    ));
  test("a server without TLS", () =>
    all(["plain", "plain", "plain", refused, refused, refused], (mode) =>
      target(without, mode, { sslrootcert: named.certificates().rootCertificate }),
    ));
  test("a role that only TLS lets in", () =>
    all([refused, "tls", "tls", "tls", refused, refused], (mode) =>
      target(named, mode, {}, "onlytls", "pw-only"),
    ));
  test("a role that TLS keeps out", () =>
    all(["plain", "plain", "plain", refused, refused, refused], (mode) =>
      target(named, mode, {}, "onlyplain", "pw-only"),
    ));
  test("an authority of ~/.postgresql/root.crt", async () => {
    const path = join(home, ".postgresql", "root.crt");
    await copyFile(named.certificates().strangerCertificate, path);
    try {
      await agree(await target(named, "require"), refused);
      await agree(await target(named, "prefer"), "plain");
      await copyFile(named.certificates().rootCertificate, path);
      await agree(await target(named, "require"), "tls");
      await agree(await target(named, "verify-full"), "tls");
    } finally {
      await rm(path);
    }
  });
  test("the machine's authorities do not know ours", async () => {
    const resolved = await target(named, "", { sslrootcert: "system" });
    expect(resolved.tls.mode).toBe("verify-full");
    await agree(resolved, refused);
    const known = await resolveConnection(
      { uri: secret(named.uri("postgres")), parameters: { host: "localhost", sslrootcert: "system" } },
      { HOME: home, SSL_CERT_FILE: named.certificates().rootCertificate },
    );
    await agree(known, "tls");
  });
  test("a client's certificate instead of a password", async () => {
    const { clientCertificate, clientKey, strangerCertificate } = named.certificates();
    const own = join(home, "client.key");
    await copyFile(clientKey, own);
    await chmod(own, 0o600);
    await agree(
      await target(named, "require", { sslcert: clientCertificate, sslkey: own }, "certified"),
      "tls",
    );
    await agree(await target(named, "require", {}, "certified"), refused);
    await agree(
      await target(
        named,
        "require",
        { sslcert: strangerCertificate, sslkey: join(home, "absent") },
        "certified",
      ),
      refused,
    );
    await chmod(own, 0o644);
    await agree(
      await target(named, "require", { sslcert: clientCertificate, sslkey: own }, "certified"),
      refused,
    );
  });
  test("channel binding", async () => {
    await agree(await target(named, "require", { channel_binding: "require" }), "tls");
    await agree(await target(named, "disable", { channel_binding: "require" }), refused);
  });

  async function agreeByAddress(mode: string, outcome: string): Promise<void> {
    const resolved = await resolveConnection(
      {
        uri: secret(named.uri("postgres")),
        parameters: { sslmode: mode, sslrootcert: named.certificates().rootCertificate },
      },
      { HOME: home },
    );
    await agree(resolved, outcome);
  }
});
