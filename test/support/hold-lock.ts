import type { TestCluster } from "./postgres.ts";
import { onDatabase } from "./shop.ts";

/** A session that locks table `public.t` of database `shop` against everybody, until it is released. */
export function holdLock(cluster: TestCluster, application = "the-migration"): { release(): Promise<void> } {
  const sql = `SET application_name = '${application}'; BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)`;
  const held = onDatabase(cluster, "shop", sql).catch(() => undefined);
  return {
    async release() {
      await onDatabase(
        cluster,
        "postgres",
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${application}'`,
      );
      await held;
    },
  };
}
