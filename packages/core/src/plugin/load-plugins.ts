import type { Plugin } from "./plugin.ts";

/** A plugin that was set up. */
export interface LoadedPlugin {
  readonly name: string;
  readonly required: boolean;
  readonly plugin: Plugin;
}
