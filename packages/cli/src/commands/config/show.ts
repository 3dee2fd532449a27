import { listInstalledPlugins } from "@restorable/core";
import { BaseCommand } from "../../base-command.ts";
import { pluginFolder } from "../../compose.ts";

export default class ConfigShow extends BaseCommand {
  static override summary = "Show the configuration as it is understood, with defaults and without secrets";
  static override examples = ["<%= config.bin %> config show", "<%= config.bin %> config show --json"];

  async run(): Promise<unknown> {
    const { flags } = await this.parse(ConfigShow);
    const { config, redact } = await this.compose(flags);
    const installed = await listInstalledPlugins([pluginFolder(this.config.dataDir)]);
    const unused = installed
      .map(({ name }) => name)
      .filter((name) => !config.plugins.some(({ use }) => use === name));
    const shown: unknown = JSON.parse(redact(JSON.stringify({ ...config, installedButNotUsed: unused })));
    this.say(JSON.stringify(shown, null, 2));
    return shown;
  }
}
