import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBackup, startBackup, testHome } from "./command.ts";
import { holdLock } from "./hold-lock.ts";
import { missingPostgres, type TestCluster, testCluster } from "./postgres.ts";
import { onDatabase, uriOf } from "./shop.ts";
import { stallPlugin } from "./stall-plugin.ts";

const sessions =
  "SELECT count(*)::int AS alive FROM pg_stat_activity WHERE application_name LIKE 'restorable/%'";

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 400; wait += 1) {
    if (await holds()) return;
    await new Promise((go) => setTimeout(go, 50));
  }
  throw new Error(`waited 20 s in vain until ${what}`);
}

/** A run that a signal stops in every stage, and what must hold after it. */
export function describeStopped(signals: readonly (readonly [NodeJS.Signals, number | null])[]): void {
  describe.skipIf(missingPostgres())(
    `a run stopped by ${signals.map(([signal]) => signal).join(" or ")}`,
    () => {
      let cluster: TestCluster;
      beforeAll(async () => {
        cluster = await testCluster();
        await cluster.createDatabase(
          "shop",
          "CREATE TABLE t AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n",
        );
      });
      afterAll(() => cluster?.stop());

      const stages = [
        "started",
        "dumped",
        "compressed",
        "sealed",
        "verified",
        "uploaded",
        "rotated",
        "finished",
      ];
      const cases = stages.flatMap((stage) =>
        signals.map(([signal, exit]) => [signal, stage, exit] as const),
      );

      it.each(cases)("%s at %s", async (signal, stage, exit) => {
        const user = await testHome(uriOf(cluster, "shop"));
        const plain = await readFile(user.config, "utf8");
        const stall = await stallPlugin(user.home, stage);
        await writeFile(user.config, plain + stall.line);
        const { child, done } = startBackup(["run"], user);
        await until("the run stalls", () => existsSync(stall.mark));
        child.kill(signal);
        const killed = await done;
        if (signal === "SIGKILL") expect(killed.signal).toBe("SIGKILL");
        else if (stage !== "finished") expect(killed.exit).toBe(exit);
        await afterwards(cluster, user, plain);
      });

      it.each(signals)("%s while pg_dump waits for a lock", async (signal, exit) => {
        const user = await testHome(uriOf(cluster, "shop"));
        const plain = await readFile(user.config, "utf8");
        const holder = holdLock(cluster);
        const { child, done } = startBackup(["run"], user);
        await until(
          "pg_dump waits",
          async () =>
            Number(
              (await onDatabase(cluster, "postgres", `${sessions} AND wait_event_type = 'Lock'`))[0]?.[
                "alive"
              ],
            ) > 0,
        );
        child.kill(signal);
        const killed = await done;
        if (exit !== null) expect(killed.exit).toBe(exit);
        await holder.release();
        await afterwards(cluster, user, plain);
      });
    },
  );
}

/** Nothing of the killed run lives, the next plain run succeeds by itself, and what is listed is whole. */
async function afterwards(
  cluster: TestCluster,
  user: Awaited<ReturnType<typeof testHome>>,
  plain: string,
): Promise<void> {
  await until(
    "no session of ours is left",
    async () => (await onDatabase(cluster, "postgres", sessions))[0]?.["alive"] === 0,
  );
  await writeFile(user.config, plain);
  const next = await runBackup(["run", "--json"], user);
  expect(next).toMatchObject({ exit: 0 });
  const verified = await runBackup(["verify", "--all", "--json"], user);
  expect(verified.exit).toBe(0);
  expect(JSON.parse(verified.stdout).results.length).toBeGreaterThanOrEqual(1);
  const spool = await readdir(join(user.backups, ".spool"));
  expect(spool.filter((name) => !name.startsWith("lock"))).toEqual([]);
  const names = await readdir(join(user.backups, "shop"), { recursive: true });
  expect(names.filter((name) => name.includes(".partial"))).toEqual([]);
}
