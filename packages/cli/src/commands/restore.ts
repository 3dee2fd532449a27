import { Args, Flags } from "@oclif/core";
import { type ConnectionConfig, type RestoreReport } from "@restorable/core";
import { BaseCommand } from "../base-command.ts";
import { formatBytes, formatDuration } from "../format.ts";
import List from "./list.ts";

export default class Restore extends BaseCommand {
  static override summary = "Restore a backup into a new or empty database";
  static override description =
    "Never overwrites anything: without -d the target is a new database <database>_restored_<time>.";
  static override examples = [
    "<%= config.bin %> restore latest",
    "<%= config.bin %> restore shop_20261124_020000_k3f9 -d shop --jobs 4",
    "<%= config.bin %> restore latest --to postgresql://admin@db/postgres -d copy",
    "<%= config.bin %> restore -f /backups/shop_20251221.custom.gz -d shop_old",
  ];
  static override args = {
    id: Args.string({ description: "A backup id, the beginning of one, or latest (the default)" }),
  };
  static override flags = {
    file: Flags.string({
      char: "f",
      description: "Restore a lone file instead; nothing proves it",
      helpValue: "FILE",
    }),
    database: Flags.string({
      char: "d",
      description: "Target database: made if missing, must be empty",
      helpValue: "NAME",
    }),
    "new-db": Flags.boolean({ description: "The target database must not exist yet" }),
    to: Flags.string({
      description: "Target server, and the user that may create there; default: where the backup came from",
      helpValue: "URI",
    }),
    from: Flags.string({ description: "Take the backup from this destination", helpValue: "DESTINATION" }),
    jobs: Flags.integer({
      char: "j",
      min: 1,
      max: 64,
      default: 2,
      description: "Tables and indexes restored at once",
    }),
    "no-owner": Flags.boolean({ description: "Leave out owners and grants" }),
    list: Flags.boolean({ description: "List what could be restored, and do nothing" }),
  };

  async run(): Promise<unknown> {
    const { flags, args } = await this.parse(Restore);
    if (flags.list) {
      const rest = [
        ...(flags.config ? ["--config", flags.config] : []),
        ...(flags.from ? ["--from", flags.from] : []),
        ...(this.jsonEnabled() ? ["--json"] : []),
      ];
      await List.run(rest, this.config);
      return undefined;
    }
    const { BackupError, findStoredSet, restore, secret } = await import("@restorable/core");
    if (flags.file && args.id)
      throw new BackupError("USAGE", "Cannot restore both a file and a backup id: name one of them");
    const { config, environment } = await this.compose(flags);
    const from = flags.file
      ? { file: flags.file }
      : await findStoredSet(environment, args.id ?? "latest", flags.from ? { from: flags.from } : {});
    const origin =
      "manifest" in from
        ? config.databases.find(({ name }) => name === from.manifest.database)
        : config.databases[0];
    const connection: ConnectionConfig | undefined = flags.to
      ? { uri: secret(flags.to), parameters: {} }
      : origin?.connection;
    if (!connection)
      throw new BackupError(
        "USAGE",
        "Cannot tell where to restore: the configuration no longer has this database",
        { hint: "Name the server with --to" },
      );
    const report = await restore(
      {
        from,
        connection,
        ...(flags.database !== undefined && { database: flags.database }),
        mustBeNew: flags["new-db"],
        jobs: flags.jobs,
        owners: !flags["no-owner"],
      },
      environment,
    );
    this.#tell(report);
    return report;
  }

  #tell(report: RestoreReport): void {
    this.say(`Restore Completed: database "${report.database}"${report.created ? " (new)" : ""}`);
    this.say(
      `  ${formatBytes(report.bytes)} in ${formatDuration(report.durationMs)} from ${report.source}${report.proved ? "" : ", unproved: no manifest speaks for this file"}`,
    );
    if (report.missing.length === 0) return;
    this.complain(
      `Error RESTORE_FAILED: every row is there, but ${report.missing.length} objects could not be made:`,
    );
    for (const entry of report.missing) this.complain(`  ${entry}`);
    process.exitCode = 18;
  }
}
