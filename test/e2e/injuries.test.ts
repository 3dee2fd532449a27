import { cp, mkdir, mkdtemp, open, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBackup, startBackup, type TestHome, testHome } from "../support/command.ts";
import { holdLock } from "../support/hold-lock.ts";
import { missingPostgres, type TestCluster, testCluster } from "../support/postgres.ts";
import { onDatabase, uriOf } from "../support/shop.ts";
import { stallPlugin } from "../support/stall-plugin.ts";

describe.skipIf(missingPostgres())("injuries", () => {
  let cluster: TestCluster;
  let user: TestHome;
  let set: string;
  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.createDatabase(
      "shop",
      "CREATE TABLE t AS SELECT n, md5(n::text) AS text FROM generate_series(1, 50000) n",
    );
    user = await testHome(uriOf(cluster, "shop"));
    expect((await runBackup(["run", "--quiet"], user)).exit).toBe(0);
    set = (await readdir(join(user.backups, "shop")))[0] ?? "";
  });
  afterAll(() => cluster?.stop());

  /** The good backup, to be hurt. */
  async function copyOfBackup(): Promise<TestHome & { readonly folder: string; readonly dump: string }> {
    const hurt = await testHome(uriOf(cluster, "shop"));
    await cp(user.backups, hurt.backups, { recursive: true });
    const folder = join(hurt.backups, "shop", set);
    const dump = (await readdir(folder)).find((name) => name.startsWith("shop_")) ?? "";
    return { ...hurt, folder, dump: join(folder, dump) };
  }

  it("a wrong password: said so, exit 10, the password nowhere", async () => {
    const wrong = await testHome(`postgresql://postgres@127.0.0.1:${cluster.port}/shop`, { head: "" });
    const text = await readFile(wrong.config, "utf8");
    await writeFile(wrong.config, text.replace("connection:", "password: not-the-password\n    connection:"));
    for (const args of [["run"], ["run", "--json"]]) {
      const { exit, stdout, stderr } = await runBackup(args, wrong);
      expect(exit).toBe(10);
      expect(stdout + stderr).toContain("DATABASE_REFUSED");
      expect(stdout + stderr).not.toContain("not-the-password");
      expect(stdout + stderr).not.toMatch(/\n\s+at /);
    }
  });

  it("a disk that fills while dumping: exit 15, the older backup untouched, nothing left behind", async () => {
    const mount = await mkdtemp(join(tmpdir(), "small-"));
    await execa("mount", ["-t", "tmpfs", "-o", "size=80m", "tmpfs", mount]);
    try {
      await cluster.createDatabase(
        "wide",
        "CREATE TABLE w AS SELECT gen_random_uuid() a, gen_random_uuid() b, gen_random_uuid() c FROM generate_series(1, 1200000)",
      );
      for (const jobs of [1, 2]) {
        const path = join(mount, `jobs${jobs}`);
        const small = await testHome(uriOf(cluster, "shop"), { head: `dump: { jobs: ${jobs} }`, path });
        expect((await runBackup(["run", "--quiet"], small)).exit).toBe(jobs === 1 ? 0 : 0);
        await writeFile(small.config, (await readFile(small.config, "utf8")).replace("/shop?", "/wide?"));
        await execa("head", ["-c", "40000000", "/dev/zero"], { stdout: { file: join(mount, "ballast") } });
        const full = await runBackup(["run", "--json"], small);
        expect(full.exit).toBe(15);
        expect(JSON.parse(full.stdout).runs[0].failures[0].error.code).toBe("DISK_FULL");
        await execa("rm", [join(mount, "ballast")]);
        expect((await runBackup(["verify", "--all"], small)).exit).toBe(0);
        expect((await readdir(join(path, ".spool"))).filter((name) => !name.startsWith("lock"))).toEqual([]);
        await execa("rm", ["-rf", path]);
      }
    } finally {
      await execa("umount", [mount]);
    }
  });

  it("a truncated file: found by list, verify and restore", async () => {
    const hurt = await copyOfBackup();
    await truncate(hurt.dump, 1000);
    expect(JSON.parse((await runBackup(["list", "--json"], hurt)).stdout).backups[0].problem).toContain(
      "has 1000 bytes, and the manifest says",
    );
    expect((await runBackup(["verify", "--all"], hurt)).exit).toBe(13);
    expect((await runBackup(["restore", set, "-d", "never"], hurt)).exit).toBe(13);
    expect((await runBackup(["restore", "latest", "-d", "never"], hurt)).exit).toBe(17);
    expect(
      await onDatabase(cluster, "postgres", "SELECT 1 FROM pg_database WHERE datname = 'never'"),
    ).toEqual([]);
  });

  it("one bit flipped anywhere in the dump: verify finds it, remembers it, and restore refuses", async () => {
    const size = (await readFile((await copyOfBackup()).dump)).length;
    for (const position of [0, 300, Math.floor(size / 3), Math.floor(size / 2), size - 600, size - 1]) {
      const hurt = await copyOfBackup();
      const file = await open(hurt.dump, "r+");
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, position);
      byte[0] = (byte[0] ?? 0) ^ (1 << (position % 8));
      await file.write(byte, 0, 1, position);
      await file.close();
      expect((await runBackup(["verify", "--level", "checksum"], hurt)).exit, `byte ${position}`).toBe(13);
      expect(JSON.parse((await runBackup(["list", "--json"], hurt)).stdout).backups[0].problem).toBe(
        "failed checksum",
      );
      expect((await runBackup(["restore", set, "-d", "never"], hurt)).exit).toBe(13);
    }
  });

  it("a manifest that was edited, is missing or comes from the future", async () => {
    const edited = await copyOfBackup();
    const manifest = join(edited.folder, "manifest.json");
    const text = await readFile(manifest, "utf8");
    for (const [broken, code] of [
      [text.slice(0, 100), "no JSON"],
      [text.replace('"version": 1', '"version": 2'), "of version 2"],
      [text.replace(/"bytes": \d+/, '"bytes": -1'), "bytes"],
    ] as const) {
      await writeFile(manifest, broken);
      const { backups } = JSON.parse((await runBackup(["list", "--json"], edited)).stdout);
      expect(backups[0].problem).toContain(code);
      expect((await runBackup(["restore", set], edited)).exit).toBe(13);
    }
    await execa("rm", [manifest]);
    expect(JSON.parse((await runBackup(["list", "--json"], edited)).stdout).backups).toEqual([]);
  });

  it("restoring into a database that is not empty is refused, and changes nothing", async () => {
    await cluster.createDatabase("full", "CREATE TABLE precious AS SELECT 1 AS one");
    const { exit, stderr } = await runBackup(["restore", "latest", "-d", "full"], user);
    expect(exit).toBe(18);
    expect(stderr).toContain('Cannot restore into "full"');
    expect(await onDatabase(cluster, "full", "SELECT one FROM public.precious")).toEqual([{ one: 1 }]);
    expect(
      await onDatabase(
        cluster,
        "full",
        "SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'",
      ),
    ).toEqual([{ tables: 1 }]);
  });

  it("two runs at once: the second says who holds the lock, exit 16", async () => {
    const both = await testHome(uriOf(cluster, "shop"));
    const plain = await readFile(both.config, "utf8");
    const stall = await stallPlugin(both.home, "sealed");
    await writeFile(both.config, plain + stall.line);
    const first = startBackup(["run"], both);
    for (
      let wait = 0;
      wait < 200 &&
      !(await readFile(stall.mark).then(
        () => true,
        () => false,
      ));
      wait += 1
    )
      await new Promise((go) => setTimeout(go, 50));
    const second = await runBackup(["run"], both);
    expect(second.exit).toBe(16);
    expect(second.stderr).toMatch(/another run holds the lock.*run \d{8}_\d{6}_\w+ of "shop".*process \d+/s);
    first.child.kill("SIGTERM");
    expect((await first.done).exit).toBe(143);
  });

  it("a table locked beyond the limit: the blocking session is named, exit 11", async () => {
    const waiting = await testHome(uriOf(cluster, "shop"), { head: "dump: { lockTimeout: 2s }" });
    const holder = holdLock(cluster);
    await new Promise((go) => setTimeout(go, 300));
    const { exit, stderr } = await runBackup(["run"], waiting);
    expect(exit).toBe(11);
    expect(stderr).toMatch(/DUMP_LOCKED.*"public.t".*session \d+.*the-migration/s);
    await holder.release();
  });

  it("an unknown id, a file that is no backup, an unknown command", async () => {
    expect((await runBackup(["restore", "shop_19990101_000000_aaaa"], user)).exit).toBe(17);
    const file = join(user.home, "notes.txt");
    await writeFile(file, "these are my notes");
    expect((await runBackup(["restore", "-f", file], user)).exit).toBe(18);
    expect((await runBackup(["no-such-command"], user)).exit).toBe(2);
    expect((await runBackup(["run", "--no-such-flag", "--json"], user)).exit).toBe(2);
  });

  it("a misbehaving plugin fails alone, and the run says degraded", async () => {
    const bad = await testHome(uriOf(cluster, "shop"), { plugins: "  - use: ./bad.mjs\n" });
    await mkdir(bad.backups, { recursive: true, mode: 0o700 });
    await writeFile(
      join(bad.home, "bad.mjs"),
      `export const plugin = { name: "bad", apiVersion: 1, options: { type: "object" }, setup: () => ({ on: { uploaded: async () => { throw new Error("boom"); } } }) };\n`,
    );
    const { exit, stdout } = await runBackup(["run", "--json"], bad);
    expect(exit).toBe(3);
    expect(JSON.parse(stdout).runs[0]).toMatchObject({
      outcome: "degraded",
      storedOn: ["local"],
      failures: [{ by: "bad", error: { code: "PLUGIN_FAILED" } }],
    });
  });
});
