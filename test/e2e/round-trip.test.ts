import { mkdtemp, readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareFingerprints, type Fingerprint } from "@restorable/core";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBackup, type TestHome, testHome } from "../support/command.ts";
import { missingPostgres, type TestCluster, testCluster } from "../support/postgres.ts";
import { createShop, fingerprintOf, onDatabase, uriOf } from "../support/shop.ts";

describe.skipIf(missingPostgres())("back up, lose, restore, compare", () => {
  let cluster: TestCluster;
  let before: Fingerprint;
  beforeAll(async () => {
    cluster = await testCluster();
    before = await createShop(cluster, "shop");
  });
  afterAll(() => cluster?.stop());

  const forms = [
    ["directory, pg_dump's own gzip", "dump: { jobs: 2 }", /^shop_db_backup_\d{8}_\d{6}\.tar$/],
    ["custom, zstd", "dump: { jobs: 1 }\ncompression: zstd", /^shop_db_backup_\d{8}_\d{6}\.custom\.zst$/],
    [
      "custom, gzip 9, the old scripts' name",
      "dump: { jobs: 1 }\ncompression: { algorithm: gzip, level: 9 }",
      /^shop_db_backup_\d{8}_\d{6}\.custom\.gz$/,
    ],
    [
      "custom, not compressed",
      "dump: { jobs: 1 }\ncompression: none",
      /^shop_db_backup_\d{8}_\d{6}\.custom$/,
    ],
  ] as const;

  it.each(forms)("%s", async (_name, head, fileName) => {
    const user = await testHome(uriOf(cluster, "shop"), { head });
    const run = await runBackup(["run", "--json"], user);
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    const { runs } = JSON.parse(run.stdout);
    expect(runs[0]).toMatchObject({ outcome: "succeeded", storedOn: ["local"] });
    expect(runs[0].checks.map((check: { level: string }) => check.level)).toEqual(["checksum", "decode"]);
    const id: string = runs[0].backupId;
    const folder = join(user.backups, "shop", id);
    const names = (await readdir(folder)).toSorted();
    expect(names).toEqual(["RESTORE.md", "manifest.json", expect.stringMatching(fileName)]);
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    for (const one of [user.backups, join(user.backups, "shop"), folder])
      expect((await stat(one)).mode & 0o777).toBe(0o700);
    expect(await readdir(join(user.backups, ".spool"))).not.toContain(id);

    const listed = await runBackup(["list", "--json"], user);
    expect(JSON.parse(listed.stdout).backups).toMatchObject([{ id, proof: "decode", destination: "local" }]);
    expect((await runBackup(["verify", "--all"], user)).exit).toBe(0);

    for (const jobs of ["1", "2"]) {
      const target = `copy_${jobs}`;
      const restored = await runBackup(["restore", id, "-d", target, "--jobs", jobs, "--json"], user);
      expect(restored).toMatchObject({ exit: 0, stderr: "" });
      expect(JSON.parse(restored.stdout)).toMatchObject({
        database: target,
        created: true,
        proved: true,
        missing: [],
      });
      expect(compareFingerprints(before, await fingerprintOf(cluster, target))).toEqual([]);
      await onDatabase(cluster, "postgres", `DROP DATABASE ${target}`);
    }
    await followGuide(cluster, folder, before);
    await restoreLoneFile(
      cluster,
      user,
      join(folder, names.find((name) => name.startsWith("shop_")) ?? ""),
      before,
    );
  });

  it("a database with an ICU locale gets it back, by us and by the guide", async () => {
    await onDatabase(
      cluster,
      "postgres",
      "CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'",
    );
    await onDatabase(cluster, "icu", "CREATE TABLE public.words AS SELECT 'Ärger' AS word");
    const user = await testHome(uriOf(cluster, "icu"));
    const { stdout } = await runBackup(["run", "--json"], user);
    const folder = join(user.backups, "shop", JSON.parse(stdout).runs[0].backupId);
    const facts = "SELECT datlocprovider, daticulocale FROM pg_database WHERE datname = ";
    const original = await onDatabase(cluster, "postgres", `${facts} 'icu'`);
    expect((await runBackup(["restore", "latest", "-d", "icu_copy"], user)).exit).toBe(0);
    expect(await onDatabase(cluster, "postgres", `${facts} 'icu_copy'`)).toEqual(original);
    await followGuide(cluster, folder, await fingerprintOf(cluster, "icu"));
  });

  it("restores into a database of its own name by default, and twice without harm", async () => {
    const user = await testHome(uriOf(cluster, "shop"));
    await runBackup(["run", "--quiet"], user);
    const { stdout, exit } = await runBackup(["restore", "latest", "--json"], user);
    expect(exit).toBe(0);
    const { database } = JSON.parse(stdout);
    expect(database).toMatch(/^shop_restored_\d{8}_\d{6}$/);
    const again = await runBackup(["restore", "latest", "-d", database, "--json"], user);
    expect(again.exit).toBe(18);
    expect(JSON.parse(again.stdout).error).toMatchObject({
      code: "RESTORE_REFUSED",
      message: expect.stringContaining("not empty"),
    });
    expect((await runBackup(["restore", "latest", "-d", database, "--new-db"], user)).exit).toBe(18);
    expect(compareFingerprints(before, await fingerprintOf(cluster, database))).toEqual([]);
    await onDatabase(cluster, "postgres", `DROP DATABASE ${database}`);
  });
});

/** RESTORE.md to the letter: its own commands, in a copy of the set, with stock programs and nothing of ours. */
async function followGuide(cluster: TestCluster, set: string, before: Fingerprint): Promise<void> {
  const folder = join(await mkdtemp(join(tmpdir(), "restorable-guide-")), "set");
  await execa("cp", ["-r", set, folder]);
  const guide = await readFile(join(folder, "RESTORE.md"), "utf8");
  const commands = [...guide.matchAll(/```sh\n([^`]+)```/g)].map((match) => match[1]);
  expect(commands).toHaveLength(3);
  await execa("sh", ["-e", "-c", commands.join("\n")], {
    cwd: folder,
    extendEnv: false,
    env: {
      PATH: `${cluster.binFolder}:/usr/bin:/bin`,
      PGHOST: cluster.socketFolder,
      PGPORT: String(cluster.port),
      PGUSER: "postgres",
    },
  });
  expect(compareFingerprints(before, await fingerprintOf(cluster, "restored"))).toEqual([]);
  await onDatabase(cluster, "postgres", "DROP DATABASE restored");
}

async function restoreLoneFile(
  cluster: TestCluster,
  user: TestHome,
  file: string,
  before: Fingerprint,
): Promise<void> {
  const lone = await runBackup(["restore", "-f", file, "-d", "lone"], user);
  expect(lone.exit).toBe(0);
  expect(lone.stdout).toContain("unproved");
  expect(compareFingerprints(before, await fingerprintOf(cluster, "lone"))).toEqual([]);
  await onDatabase(cluster, "postgres", "DROP DATABASE lone");
}
