import { readCatalog } from "../catalog/catalog.ts";
import { removeSet } from "../catalog/remove-set.ts";
import { planRotation, type RotationPlan } from "../catalog/retention.ts";
import { BackupError } from "../errors.ts";
import { privateFolder } from "../host/durable-file.ts";
import type { Storage } from "../plugin/plugin.ts";
import type { RunEnvironment } from "./environment.ts";
import { lockSpool } from "./lock.ts";
import { spoolPath } from "./places.ts";

export interface RotationResult {
  readonly destination: string;
  readonly database: string;
  readonly plan: RotationPlan;
}

/** What retention would do now on one destination, each database by itself. Changes nothing. */
export async function planRotations(
  storage: Storage,
  databases: readonly string[],
  environment: RunEnvironment,
): Promise<readonly RotationResult[]> {
  return await Promise.all(
    databases.map(async (database) => {
      const catalog = await readCatalog(storage.destination, { database, signal: environment.signal });
      return {
        destination: storage.destination.name,
        database,
        plan: planRotation(catalog.sets, storage.retention, environment.clock.now()),
      };
    }),
  );
}

/** Carries the same plan out, under the lock. @throws LOCKED, CLOCK_BEHIND */
export async function rotateNow(
  storages: readonly Storage[],
  databases: readonly string[],
  environment: RunEnvironment,
): Promise<readonly RotationResult[]> {
  const lock = lockSpool(
    await privateFolder(spoolPath(environment)),
    "rotate",
    databases.join(", "),
    environment.clock,
  );
  try {
    const done: RotationResult[] = [];
    for (const storage of storages) {
      for (const result of await planRotations(storage, databases, environment)) {
        if (result.plan.refused)
          throw new BackupError(
            "CLOCK_BEHIND",
            `Cannot rotate "${result.destination}": ${result.plan.refused}`,
          );
        const catalog = await readCatalog(storage.destination, {
          database: result.database,
          signal: environment.signal,
        });
        const doomed = new Set(result.plan.remove.map(({ id }) => id));
        for (const set of catalog.sets) if (doomed.has(set.id)) await removeSet(storage.destination, set);
        done.push(result);
      }
    }
    return done;
  } finally {
    lock.release();
  }
}
