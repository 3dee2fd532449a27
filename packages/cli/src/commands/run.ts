import { Args, Flags } from "@oclif/core";
import type { RunReport } from "@restorable/core";
import { BaseCommand } from "../base-command.ts";
import { formatBytes, formatDuration } from "../format.ts";

export default class Run extends BaseCommand {
  static override summary = "Back up: dump, compress, verify, store everywhere, rotate";
  static override description =
    "Ends with 0 when every destination has a verified backup, 3 when only some have, and another number when none has.";
  static override examples = [
    "<%= config.bin %> run",
    "<%= config.bin %> run shop --jobs 4",
    "<%= config.bin %> run --json --config /etc/restorable/backup.config.yaml",
  ];
  static override strict = false;
  static override args = {
    database: Args.string({ description: "Name of a database of the configuration; default: all of them" }),
  };
  static override flags = {
    jobs: Flags.integer({
      char: "j",
      min: 1,
      max: 64,
      description: "Tables dumped at once, instead of dump.jobs",
    }),
  };

  async run(): Promise<{ runs: RunReport[]; exit: number }> {
    const { flags, argv } = await this.parse(Run);
    const { backup, batchExit, chooseDatabases } = await import("@restorable/core");
    const { config, environment } = await this.compose(flags);
    const runs: RunReport[] = [];
    for (const database of chooseDatabases(config, argv as string[])) {
      const dump = flags.jobs === undefined ? config.dump : { ...config.dump, jobs: flags.jobs };
      const report = await backup(
        { database, dump, compression: config.compression, level: config.verify.level },
        environment,
      );
      runs.push(report);
      this.#tell(report);
      if (environment.signal.aborted) break;
    }
    process.exitCode = batchExit(runs.map((report) => report.exit));
    return { runs, exit: process.exitCode };
  }

  #tell(report: RunReport): void {
    for (const { by, required, error } of report.failures) {
      this.complain(
        `${required ? "Error" : "Warning"} ${error.code} (${by}): ${error.message}\n  ${error.hint}`,
      );
    }
    if (report.outcome === "failed") {
      this.complain(
        `Backup Failed: "${report.database}" after ${formatDuration(report.durationMs)}; nothing was stored`,
      );
      return;
    }
    const proof = report.checks.map((check) => check.level).join(" and ");
    const word = report.outcome === "succeeded" ? "Backup Completed" : "Backup Degraded";
    this.say(`${word}: ${report.backupId}`);
    this.say(
      `  ${formatBytes(report.bytes ?? 0)} in ${formatDuration(report.durationMs)}, verified by ${proof}, stored on ${report.storedOn.join(", ")}`,
    );
    for (const { destination, removed, kept } of report.rotated)
      if (removed.length > 0) this.say(`  ${destination}: ${removed.length} removed, ${kept} kept`);
    this.say(`  Restore it: backup restore ${report.backupId}`);
  }
}
