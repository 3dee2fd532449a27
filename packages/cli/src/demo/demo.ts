import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BackupError,
  type BackupSettings,
  backup,
  compareFingerprints,
  connect,
  type Fingerprint,
  findServerFolder,
  findStoredSet,
  fingerprint,
  resolveConnection,
  restore,
  startScratchCluster,
  systemClock,
  systemProcesses,
  verifyStored,
} from "@restorable/core";
import { compose } from "../compose.ts";
import { formatBytes, formatDuration } from "../format.ts";

export interface DemoOptions {
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly dataFolder: string;
  readonly toolVersion: string;
}

export interface DemoReport {
  readonly backupId: string;
  readonly comparedObjects: number;
  readonly rows: number;
  readonly folder?: string;
  readonly durationMs: number;
}

/**
 * The whole promise on a real, throw-away PostgreSQL: back up, verify, lose the database, restore, compare everything.
 * @throws whatever fails; nothing is left behind unless `keep`
 */
export async function demo(options: DemoOptions): Promise<DemoReport> {
  const clock = systemClock();
  const begun = clock.monotonicMs();
  const processes = systemProcesses();
  const { major, folder: binFolder } = await findServerFolder(processes);
  const folder = await mkdtemp(join(tmpdir(), "restorable-demo-"));
  await chmod(folder, 0o711);
  const step = async <Result>(
    title: string,
    work: () => Promise<Result>,
    tell: (result: Result) => string = () => "",
  ): Promise<Result> => {
    const start = clock.monotonicMs();
    const result = await work();
    const said = tell(result);
    options.say(
      `  ${formatDuration(clock.monotonicMs() - start).padStart(7)}  ${title}${said ? `: ${said}` : ""}`,
    );
    return result;
  };
  options.say("Restorable: PostgreSQL backups that have already been restored");
  const cluster = await step(`throw-away PostgreSQL ${major}`, () =>
    startScratchCluster({ folder: join(folder, "cluster"), binFolder, processes }),
  );
  try {
    const uri = (database: string): string =>
      `postgresql://postgres@/${database}?host=${cluster.socketFolder}&port=${cluster.port}&sslmode=disable`;
    const before = await step(
      "sample shop database",
      () => createShop(uri),
      (found) => `${totalRows(found).toLocaleString("en")} rows`,
    );
    const configPath = join(folder, "backup.config.yaml");
    await writeFile(configPath, configuration(uri("shop")), { mode: 0o600 });
    const composition = await compose({
      configPath,
      quiet: true,
      dataFolder: options.dataFolder,
      toolVersion: options.toolVersion,
      signal: options.signal,
      onSecrets: () => {},
    });
    const { config, environment } = composition;
    const [database] = config.databases;
    if (!database)
      throw new BackupError("BUG", "Cannot run the demo: its own configuration names no database");
    const settings: BackupSettings = {
      database,
      dump: config.dump,
      compression: config.compression,
      level: config.verify.level,
    };
    const report = await step(
      "backup run, 2 jobs",
      () => backup(settings, environment),
      (run) => `${formatBytes(run.bytes ?? 0)}, ${run.outcome}`,
    );
    if (report.outcome !== "succeeded" || !report.backupId)
      throw new BackupError(
        report.failures[0]?.error.code ?? "BUG",
        report.failures[0]?.error.message ?? "Cannot back up",
      );
    const found = await findStoredSet(environment, report.backupId, {});
    await step(
      "backup verify",
      () => verifyStored(found.storage, found.set, "decode", environment),
      (result) => {
        if (!result.passed)
          throw new BackupError("VERIFICATION_FAILED", result.error?.message ?? "Cannot verify the backup");
        return "every byte and every data block";
      },
    );
    await step("DROP DATABASE shop", () =>
      inDatabase(uri("postgres"), (session) => session.query("DROP DATABASE shop")),
    );
    await step("backup restore, 2 jobs", () =>
      restore(
        {
          from: found,
          connection: database.connection,
          database: "shop",
          mustBeNew: true,
          jobs: 2,
          owners: true,
        },
        environment,
      ),
    );
    await step(
      "comparison of everything",
      async () => {
        const differences = compareFingerprints(before, await inDatabase(uri("shop"), fingerprint));
        if (differences.length > 0)
          throw new BackupError("RESTORE_FAILED", `Cannot call this a restore: ${differences.join("; ")}`);
      },
      () => `${Object.keys(before).length} tables, sequences and counts are equal`,
    );
    await composition.close();
    const total = clock.monotonicMs() - begun;
    options.say(`Lost and restored, every row equal, in ${formatDuration(total)}.`);
    if (options.keep)
      options.say(
        `Kept in ${folder}; stop the server with: ${await cluster.detach()}\nNext: npx backup list --config ${configPath}`,
      );
    else
      options.say(
        "Next: npx backup demo --keep, then explore; or write your own\nbackup.config.yaml (see README.md) and type: npx backup run",
      );
    return {
      backupId: report.backupId,
      comparedObjects: Object.keys(before).length,
      rows: totalRows(before),
      durationMs: Math.round(total),
      ...(options.keep && { folder }),
    };
  } finally {
    if (!options.keep) {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function createShop(uri: (database: string) => string): Promise<Fingerprint> {
  await inDatabase(uri("postgres"), (session) => session.query("CREATE DATABASE shop"));
  const sql = await readFile(new URL("../../assets/shop.sql", import.meta.url), "utf8");
  return await inDatabase(uri("shop"), async (session) => {
    await session.query(sql);
    return await fingerprint(session);
  });
}

async function inDatabase<Result>(
  uri: string,
  work: (session: Awaited<ReturnType<typeof connect>>) => Promise<Result>,
): Promise<Result> {
  const { secret } = await import("@restorable/core");
  const session = await connect(await resolveConnection({ uri: secret(uri), parameters: {} }, {}), {
    applicationName: "restorable/demo",
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

function configuration(uri: string): string {
  return `# A whole configuration: one database, one place.
databases:
  - name: shop
    connection: ${uri}
dump: { jobs: 2 }
plugins:
  - use: "@restorable/plugin-local"
    options: { path: ./backups }
state: ./state
`;
}

function totalRows(found: Fingerprint): number {
  return Object.values(found).reduce((sum, text) => sum + Number(/^(\d+) rows/.exec(text)?.[1] ?? 0), 0);
}
