import { Flags } from "@oclif/core";
import { BaseCommand } from "../base-command.ts";
import type { DemoReport } from "../demo/demo.ts";

export default class Demo extends BaseCommand {
  static override summary = "Back up, lose and restore a database on a throw-away PostgreSQL";
  static override examples = ["<%= config.bin %> demo", "<%= config.bin %> demo --keep"];
  static override flags = {
    keep: Flags.boolean({ description: "Leave the folder and the server for exploring" }),
  };

  async run(): Promise<DemoReport> {
    const { flags } = await this.parse(Demo);
    const { demo } = await import("../demo/demo.ts");
    return await demo({
      keep: flags.keep,
      signal: await this.cancellation(),
      say: (line) => this.say(line),
      dataFolder: this.config.dataDir,
      toolVersion: this.config.version,
    });
  }
}
