import { homedir } from "node:os";
import { resolve } from "node:path";
import { definePlugin, type PluginDefinition, storagePlugin } from "@restorable/core";
import { localDestination } from "./local-destination.ts";

export { type LocalFolderOptions, localDestination } from "./local-destination.ts";

export interface LocalOptions {
  /** Folder; relative to the configuration file, `~` is the home folder. Made when missing. */
  readonly path: string;
  readonly name?: string;
  readonly retention?: { readonly days?: number; readonly max?: number; readonly minimum?: number };
}

const defaults = { name: "local", days: 30, max: 14, minimum: 3 } as const;

const count = (description: string, value: number): object => ({
  type: "integer",
  minimum: 1,
  maximum: 100_000,
  default: value,
  description,
});

export const plugin: PluginDefinition<LocalOptions> = definePlugin<LocalOptions>({
  name: "local",
  apiVersion: 1,
  options: {
    type: "object",
    additionalProperties: false,
    required: ["path"],
    properties: {
      path: { type: "string", minLength: 1, description: "Folder that holds the backups" },
      name: {
        type: "string",
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        default: defaults.name,
        description: "Name of this destination",
      },
      retention: {
        type: "object",
        additionalProperties: false,
        default: {},
        properties: {
          days: count("Younger backups stay", defaults.days),
          max: count("At most so many proved backups", defaults.max),
          minimum: count("So many of the newest proved backups always stay", defaults.minimum),
        },
      },
    },
  },
  setup({ path, name = defaults.name, retention = {} }, host) {
    const folder = resolve(host.configFolder, path.replace(/^~(?=\/|$)/, homedir()));
    const { days = defaults.days, max = defaults.max, minimum = defaults.minimum } = retention;
    return storagePlugin({
      destination: localDestination({ name, folder, clock: host.clock }),
      retention: { days, max, minimum },
    });
  },
});
