import { Args, Flags } from "@oclif/core";
import type { BackupSet } from "@restorable/core";
import { BaseCommand } from "../base-command.ts";
import { formatBytes, formatTable, formatTime } from "../format.ts";

interface Listed {
  id: string;
  database: string;
  createdAt: string;
  bytes: number;
  destination: string;
  proof: string;
  problem?: string;
}

export default class List extends BaseCommand {
  static override summary = "List the backups that exist";
  static override examples = [
    "<%= config.bin %> list",
    "<%= config.bin %> list shop --from local",
    "<%= config.bin %> list --json",
  ];
  static override args = { database: Args.string({ description: "Only the backups of this database" }) };
  static override flags = {
    from: Flags.string({ description: "Only this destination", helpValue: "DESTINATION" }),
  };

  async run(): Promise<{ backups: Listed[]; unreadable: { destination: string; message: string }[] }> {
    const { flags, args } = await this.parse(List);
    const { asBackupError, readCatalogs } = await import("@restorable/core");
    const { environment } = await this.compose(flags);
    const catalogs = await readCatalogs(environment, {
      ...(args.database && { database: args.database }),
      ...(flags.from && { from: flags.from }),
    });
    const backups = catalogs.flatMap(({ storage, catalog }) =>
      (catalog?.sets ?? []).map((set) => listed(set, storage.destination.name)),
    );
    const failures = catalogs
      .filter(({ catalog }) => !catalog)
      .map(({ storage, error }) => ({ destination: storage.destination.name, error: asBackupError(error) }));
    if (backups.length > 0) {
      const rows = backups.map((one) => [
        one.id,
        formatTime(new Date(one.createdAt)),
        formatBytes(one.bytes),
        one.destination,
        one.problem ? `DAMAGED: ${one.problem}` : one.proof,
      ]);
      this.say(formatTable([["BACKUP", "UTC", "SIZE", "WHERE", "PROOF"], ...rows]));
    } else if (failures.length === 0) this.say("There is no backup yet. Make one: backup run");
    for (const { destination, error } of failures)
      this.complain(`Error ${error.code}: Cannot list "${destination}": ${error.message}`);
    if (failures.length > 0) process.exitCode = failures[0]?.error.exit ?? 14;
    return {
      backups,
      unreadable: failures.map(({ destination, error }) => ({ destination, message: error.message })),
    };
  }
}

function listed(set: BackupSet, destination: string): Listed {
  const failed = set.proofs.filter((proof) => !proof.passed);
  const levels = [
    ...(set.manifest?.checks ?? []).map((check) => check.level),
    ...set.proofs.filter((proof) => proof.passed).map((proof) => proof.level),
  ];
  const strongest =
    ["drill", "decode", "checksum"].find((level) => (levels as string[]).includes(level)) ?? "none";
  const problem =
    set.problem ??
    (failed.length > 0 ? `failed ${failed.map((proof) => proof.level).join(", ")}` : undefined);
  return {
    id: set.id,
    database: set.database,
    createdAt: set.createdAt.toISOString(),
    bytes: set.bytes,
    destination,
    proof: strongest,
    ...(problem !== undefined && { problem }),
  };
}
