import { homedir } from "node:os";
import { resolve } from "node:path";
import { definePlugin, type PluginDefinition, storagePlugin } from "@restorable/core";
import { localDestination } from "./local-destination.ts";

export { localDestination } from "./local-destination.ts";

export interface LocalOptions {
  /** Folder; relative to the configuration file, `~` is the home folder. Made when missing. */
  readonly path: string;
  readonly name: string;
  readonly retention: { readonly days: number; readonly max: number; readonly minimum: number };
}

const count = (description: string, value: number): object => ({ type: "integer", minimum: 1, maximum: 100_000, default: value, description });

export const plugin: PluginDefinition<LocalOptions> = definePlugin<LocalOptions>({
  name: "local",
  apiVersion: 1,
  options: {
    type: "object",
    additionalProperties: false,
    required: ["path"],
    properties: {
      path: { type: "string", minLength: 1, description: "Folder that holds the backups" },
      name: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$", default: "local", description: "Name of this destination" },
      retention: {
        type: "object",
        additionalProperties: false,
        default: {},
        properties: {
          days: count("Younger backups stay", 30),
          max: count("At most so many", 14),
          minimum: count("So many of the newest proved ones always stay", 3),
        },
      },
    },
  },
  setup(options, host) {
    const folder = resolve(host.configFolder, options.path.replace(/^~(?=\/|$)/, homedir()));
    return storagePlugin({ destination: localDestination({ name: options.name, folder }), retention: options.retention });
  },
});
