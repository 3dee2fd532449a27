import { Flags } from "@oclif/core";
import type { RotationResult } from "@restorable/core";
import { BaseCommand } from "../base-command.ts";

export default class Rotate extends BaseCommand {
  static override summary = "Apply the retention now, or show what it would do and why";
  static override examples = [
    "<%= config.bin %> rotate --dry-run",
    "<%= config.bin %> rotate --from local",
    "<%= config.bin %> rotate --dry-run --json",
  ];
  static override flags = {
    "dry-run": Flags.boolean({ description: "Change nothing" }),
    from: Flags.string({ description: "Only this destination", helpValue: "DESTINATION" }),
  };

  async run(): Promise<{ dryRun: boolean; rotations: RotationResult[] }> {
    const { flags } = await this.parse(Rotate);
    const { chosenStorages, planRotations, rotateNow } = await import("@restorable/core");
    const { config, environment } = await this.compose(flags);
    const storages = chosenStorages(environment, flags.from);
    const names = config.databases.map(({ name }) => name);
    const rotations = flags["dry-run"]
      ? (await Promise.all(storages.map((storage) => planRotations(storage, names, environment)))).flat()
      : [...(await rotateNow(storages, names, environment))];
    for (const { destination, database, plan } of rotations) {
      this.say(
        `${destination}, ${database}: ${plan.keep.length} kept, ${plan.remove.length} ${flags["dry-run"] ? "would be removed" : "removed"}${plan.refused ? ` (refused: ${plan.refused})` : ""}`,
      );
      for (const { id, reason } of plan.keep) this.say(`  keep    ${id}  ${reason}`);
      for (const { id, reason } of plan.remove) this.say(`  remove  ${id}  ${reason}`);
    }
    return { dryRun: flags["dry-run"], rotations };
  }
}
