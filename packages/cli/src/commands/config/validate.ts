import { BaseCommand } from "../../base-command.ts";

export default class ConfigValidate extends BaseCommand {
  static override summary = "Check the configuration, and tell every mistake at once";
  static override examples = [
    "<%= config.bin %> config validate",
    "<%= config.bin %> config validate --config ./backup.config.yaml --json",
  ];

  async run(): Promise<{ valid: true; path: string }> {
    const { flags } = await this.parse(ConfigValidate);
    const { config } = await this.compose(flags);
    this.say(
      `"${config.path}" is valid: ${config.databases.length} database(s), ${config.plugins.length} plugin(s)`,
    );
    return { valid: true, path: config.path };
  }
}
