import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingPostgres, type TestCluster, testCluster } from "../../../../test/support/postgres.ts";
import { compressionStages } from "../../src/bytes/compression.ts";
import { systemProcesses } from "../../src/host/programs.ts";
import { dumpDatabase } from "../../src/postgres/pg-dump.ts";

describe.skipIf(missingPostgres())("pg_dump", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.createDatabase(
      "shop",
      "CREATE TABLE t AS SELECT n, md5(n::text) AS text FROM generate_series(1, 50000) n",
    );
  });
  afterAll(() => cluster?.stop());

  it("pg_dump exits 3 after half its output: nothing is sealed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "half-"));
    const half = join(folder, "pg_dump");
    await writeFile(
      half,
      `#!/bin/sh\n"${cluster.binFolder}/pg_dump" "$@" | head -c 200000\necho "it broke" >&2\nexit 3\n`,
    );
    await chmod(half, 0o755);
    const processes = systemProcesses();
    const dump = dumpDatabase({
      client: { major: 15, version: "15", folder, pgDump: half, pgRestore: "pg_restore" } as never,
      environment: {
        PGHOST: cluster.socketFolder,
        PGPORT: String(cluster.port),
        PGUSER: "postgres",
        PGDATABASE: "shop",
      },
      dump: { jobs: 1, lockTimeoutMs: 1000 },
      compression: { algorithm: "zstd" },
      stages: await compressionStages(processes),
      processes,
      baseName: "x",
      folder,
      signal: new AbortController().signal,
    });
    await expect(dump).rejects.toMatchObject({
      code: "DUMP_FAILED",
      message: expect.stringMatching(/exited with 3.*it broke/s),
    });
  });
});
