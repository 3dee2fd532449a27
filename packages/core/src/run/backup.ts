import { requireSpace, type SpoolFolder, spoolFolder, watchSpace } from "../bytes/spool.ts";
import { readCatalog } from "../catalog/catalog.ts";
import { BackupError } from "../errors.ts";
import { privateFolder } from "../host/durable-file.ts";
import { randomText } from "../host/random.ts";
import { type BackupId, compactTime, newBackupId } from "../model/backup-id.ts";
import { type Check, type Manifest, type Part, storedBytes } from "../model/manifest.ts";
import type { RunReport } from "../model/run-report.ts";
import type { Stage } from "../ports/stage.ts";
import { dumpDatabase } from "../postgres/pg-dump.ts";
import { openSource, type Source } from "../postgres/source.ts";
import type { EventBus } from "./bus.ts";
import type { BackupSettings, RunEnvironment } from "./environment.ts";
import { busOf, runOn } from "./lifecycle.ts";
import { lockSpool } from "./lock.ts";
import { spoolPath, stagesOf, storagesOf } from "./places.ts";
import { recoverLeftovers } from "./recovery.ts";
import { restoreGuide } from "./restore-guide.ts";
import { verificationPlugin } from "./verification.ts";

/**
 * One run: dump → compress → seal → verify → store on every destination → rotate. Never throws once the lock is held:
 * whatever goes wrong is an event, and so in the report.
 * @throws LOCKED
 */
export async function backup(settings: BackupSettings, environment: RunEnvironment): Promise<RunReport> {
  const spool = await privateFolder(spoolPath(environment));
  const runId = `${compactTime(environment.clock.now())}_${randomText(6)}`;
  const lock = lockSpool(spool, runId, settings.database.name, environment.clock);
  try {
    await recoverLeftovers(spool, environment);
    return await runOnce(settings, environment, spool, runId);
  } finally {
    lock.release();
  }
}

async function runOnce(
  settings: BackupSettings,
  environment: RunEnvironment,
  spool: string,
  runId: string,
): Promise<RunReport> {
  const stages = await stagesOf(environment, settings.compression.level);
  const current: { set?: SpoolFolder } = {};
  const setOf = (): SpoolFolder => {
    if (!current.set) throw new BackupError("BUG", "Cannot read the spool: nothing was sealed yet");
    return current.set;
  };
  const verification = verificationPlugin(settings.level, setOf, {
    stages,
    processes: environment.processes,
  });
  const bus = busOf(runId, "backup", [verification, ...environment.plugins], environment, setOf);
  return await runOn(bus, settings.database.name, "backup", environment, async () => {
    if (storagesOf(environment.plugins).length === 0)
      throw new BackupError("CONFIG_INVALID", "Cannot back up: no plugin brings a destination");
    const source = await openSource(settings.database.connection, `restorable/${runId}`, environment);
    try {
      const id = newBackupId(settings.database.name, source.facts.now, randomText(4));
      current.set = await spoolFolder(spool, id);
      await requireSpace(spool, await spaceNeeded(settings, environment));
      const manifest = await dumpInto(current.set, id, settings, environment, source, stages, bus);
      await source.close();
      await verifyAndStore(bus, current.set, manifest, stages);
    } finally {
      await source.close();
      if (current.set && !mustStay(bus, environment)) await current.set.remove();
    }
  });
}

async function dumpInto(
  set: SpoolFolder,
  id: BackupId,
  settings: BackupSettings,
  environment: RunEnvironment,
  source: Source,
  stages: ReadonlyMap<string, Stage>,
  bus: EventBus,
): Promise<Manifest> {
  const full = new AbortController();
  const signal = AbortSignal.any([environment.signal, full.signal]);
  const stopWatch = watchSpace(environment.clock, set.folder, {
    progress: (bytes) => environment.progress?.({ stage: "dump", bytes }),
    full: (error) => full.abort(error),
  });
  const blockers = source.watchBlockers(environment.clock);
  let part: Part;
  try {
    const dumped = await dumpDatabase({
      client: source.client,
      environment: source.programEnvironment,
      dump: settings.dump,
      compression: settings.compression,
      stages,
      processes: environment.processes,
      baseName: `${settings.database.prefix}_${compactTime(source.facts.now)}`,
      folder: set.folder,
      signal,
    });
    part = dumped.part;
    await bus.publish({ type: "dumped", part: "dump", kind: "full" });
    if (dumped.algorithm !== "none")
      await bus.publish({ type: "compressed", part: "dump", stage: dumped.algorithm });
  } catch (error) {
    throw blockers.explain(error);
  } finally {
    stopWatch();
    blockers.stop();
  }
  set.hold([part]);
  const { now, inRecovery: _, ...server } = source.facts;
  return {
    version: 1,
    id,
    database: settings.database.name,
    kind: "full",
    createdAt: now.toISOString(),
    server,
    tool: {
      restorable: environment.toolVersion,
      pgDump: source.client.version,
      pgDumpMajor: source.client.major,
    },
    parts: [part],
    checks: [],
  };
}

async function verifyAndStore(
  bus: EventBus,
  set: SpoolFolder,
  manifest: Manifest,
  stages: ReadonlyMap<string, Stage>,
): Promise<void> {
  await bus.publish({ type: "sealed", manifest });
  if (requiredFailure(bus)) return;
  const checks: readonly Check[] = bus.history
    .filter((event) => event.type === "checked")
    .map(({ level, by, at }) => ({ level, by, at }));
  if (checks.length === 0)
    throw new BackupError("VERIFICATION_FAILED", "Cannot store the backup: nothing has checked it");
  const proved: Manifest = { ...manifest, checks };
  await set.seal(proved, restoreGuide(proved, stages));
  await bus.publish({ type: "verified", manifest: proved });
}

/** A verified set that some required destination does not have yet waits in the spool for the next run. */
function mustStay(bus: EventBus, environment: RunEnvironment): boolean {
  if (!bus.history.some((event) => event.type === "verified")) return false;
  const stored = new Set(
    bus.history.filter((event) => event.type === "uploaded").map((event) => event.destination),
  );
  const required = storagesOf(environment.plugins.filter((loaded) => loaded.required));
  return required.some(({ destination }) => !stored.has(destination.name));
}

function requiredFailure(bus: EventBus): boolean {
  return bus.history.some((event) => event.type === "failed" && event.required);
}

/** From what the last backup took: 1.5 times its size, and with directory format once more for the folder beside the tar. */
async function spaceNeeded(settings: BackupSettings, environment: RunEnvironment): Promise<number> {
  for (const { destination } of storagesOf(environment.plugins)) {
    const catalog = await readCatalog(destination, {
      database: settings.database.name,
      signal: environment.signal,
    }).catch(() => undefined);
    const last = catalog?.sets.find((set) => set.manifest && !set.problem)?.manifest;
    if (last) return storedBytes(last) * (settings.dump.jobs > 1 || settings.level === "decode" ? 2.5 : 1.5);
  }
  return 0;
}
