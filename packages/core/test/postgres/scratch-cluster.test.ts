import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binFolderOf, missingPostgres, testMajor } from "../../../../test/support/postgres.ts";
import { secret } from "../../src/config/secret.ts";
import { resolveConnection } from "../../src/postgres/connection.ts";
import { startScratchCluster } from "../../src/postgres/scratch-cluster.ts";
import { connect } from "../../src/postgres/session.ts";

describe.skipIf(missingPostgres())("startScratchCluster", () => {
  const binFolder = binFolderOf(testMajor);
  let parent: string;
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), "restorable-scratch-"));
    await chmod(parent, 0o711);
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  test("a private socket only, settings as asked, nothing left behind", async () => {
    const folder = join(parent, "one");
    const cluster = await startScratchCluster({ folder, binFolder, settings: { work_mem: "9MB" } });
    const pid = Number((await readFile(join(cluster.dataFolder, "postmaster.pid"), "utf8")).split("\n")[0]);
    const session = await connect(await resolveConnection(cluster.connection(), {}), {
      applicationName: "restorable/test",
    });
    expect(
      await session.query(
        "SELECT current_user AS u, current_setting('work_mem') AS m, current_setting('listen_addresses') AS l",
      ),
    ).toEqual([{ u: "postgres", m: "9MB", l: "" }]);
    expect((await stat(cluster.socketFolder)).mode & 0o077).toBe(0);
    await session.close();
    await cluster.stop();
    await cluster.stop();
    expect(existsSync(folder)).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("TCP on 127.0.0.1 wants the password", async () => {
    const cluster = await startScratchCluster({
      folder: join(parent, "two"),
      binFolder,
      auth: { password: secret("It's \\ secret") },
    });
    const over = (password: string) =>
      resolveConnection(
        {
          parameters: { host: "127.0.0.1", port: String(cluster.port), user: "postgres", dbname: "postgres" },
          password: secret(password),
        },
        {},
      );
    await (await connect(await over("It's \\ secret"), { applicationName: "x" })).close();
    await expect(connect(await over("wrong"), { applicationName: "x" })).rejects.toMatchObject({
      code: "DATABASE_REFUSED",
    });
    await cluster.stop();
  });

  test("a long path gets its socket elsewhere", async () => {
    const before = new Set(await readdir(tmpdir()));
    const cluster = await startScratchCluster({ folder: join(parent, "x".repeat(90)), binFolder });
    expect(Buffer.byteLength(cluster.socketFolder)).toBeLessThan(80);
    await (
      await connect(await resolveConnection(cluster.connection(), {}), { applicationName: "x" })
    ).close();
    await cluster.stop();
    expect(
      (await readdir(tmpdir())).filter((name) => name.startsWith("restorable-s-") && !before.has(name)),
    ).toEqual([]);
  });

  test("a setting that the server rejects is told in its words, and the folder goes", async () => {
    const folder = join(parent, "three");
    await expect(
      startScratchCluster({ folder, binFolder, settings: { nonsense_setting: "1" } }),
    ).rejects.toMatchObject({ code: "PROGRAM_FAILED", message: expect.stringContaining("nonsense_setting") });
    expect(existsSync(folder)).toBe(false);
  });
});
