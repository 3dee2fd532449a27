import { Args, Flags } from "@oclif/core";
import type { VerifyResult } from "@restorable/core";
import { BaseCommand } from "../base-command.ts";
import { formatBytes, formatDuration } from "../format.ts";

export default class Verify extends BaseCommand {
  static override summary = "Verify stored backups again, byte by byte";
  static override description =
    "checksum compares every byte with the digest taken while the backup was made; decode also reads every data block with pg_restore.\nA backup that fails is marked, and never counts for retention again.";
  static override examples = [
    "<%= config.bin %> verify",
    "<%= config.bin %> verify shop_20261124_020000_k3f9 --level checksum",
    "<%= config.bin %> verify --all --json",
  ];
  static override strict = false;
  static override args = {
    id: Args.string({ description: "Backup ids, or the beginnings of some; default: the newest" }),
  };
  static override flags = {
    all: Flags.boolean({ description: "Every backup of every destination", exclusive: ["latest"] }),
    latest: Flags.boolean({ description: "The newest backup (the default)" }),
    level: Flags.string({
      options: ["checksum", "decode"],
      description: "How deep to look; default: verify.level of the configuration",
    }),
    from: Flags.string({ description: "Only this destination", helpValue: "DESTINATION" }),
  };

  async run(): Promise<{ results: VerifyResult[] }> {
    const { flags, argv } = await this.parse(Verify);
    const { BackupError, errorTable, findSet, readCatalogs, verifyStored } = await import("@restorable/core");
    const { config, environment } = await this.compose(flags);
    const level = (flags.level ?? config.verify.level) as "checksum" | "decode";
    const wanted = argv.length > 0 ? (argv as string[]) : ["latest"];
    const results: VerifyResult[] = [];
    let notFound: unknown;
    for (const { storage, catalog, error } of await readCatalogs(
      environment,
      flags.from ? { from: flags.from } : {},
    )) {
      if (!catalog) throw error;
      const sets = [];
      if (flags.all) sets.push(...catalog.sets);
      else
        for (const id of wanted) {
          try {
            sets.push(findSet(catalog, id));
          } catch (reason) {
            notFound ??= reason;
          }
        }
      for (const set of sets) {
        const result = await verifyStored(storage, set, level, environment);
        results.push(result);
        this.say(
          `${result.passed ? "ok    " : "FAILED"}  ${result.id}  ${level}  ${formatBytes(result.bytes)}  ${formatDuration(result.durationMs)}  ${result.destination}`,
        );
        if (result.error)
          this.complain(`Error ${result.error.code}: ${result.error.message}\n  ${result.error.hint}`);
      }
    }
    if (results.length === 0 && !flags.all) throw notFound;
    if (results.length === 0)
      throw new BackupError("BACKUP_NOT_FOUND", "Cannot verify: there is no backup", {
        hint: "Make one: backup run",
      });
    const failed = results.find((result) => !result.passed);
    if (failed) process.exitCode = failed.error ? errorTable[failed.error.code].exit : 13;
    return { results };
  }
}
