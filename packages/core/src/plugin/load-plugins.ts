import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PluginConfig } from "../config/config.ts";
import { exposedConfig } from "../config/exposure.ts";
import { invalidConfig, type Mistake } from "../config/mistakes.ts";
import { asBackupError, BackupError } from "../errors.ts";
import type { Host, Plugin } from "./plugin.ts";
import { checkPluginShape } from "./plugin-shape.ts";
import { limitPluginTime } from "./plugin-time.ts";
import { type ResolvedPlugin, type ResolveOptions, resolvePlugins } from "./resolve-plugins.ts";

/** A plugin that was set up. */
export interface LoadedPlugin {
  readonly name: string;
  readonly required: boolean;
  readonly plugin: Plugin;
}

export interface SetUpOptions {
  readonly host: Omit<Host, "stateFolder" | "configFolder">;
  readonly configFolder: string;
  /** Of the whole program; each plugin gets `plugins/<name>` in it, 0700. */
  readonly stateFolder: string;
  /** Of the configuration, for messages. */
  readonly configPath: string;
}

export interface LoadPluginsOptions extends Omit<ResolveOptions, "clock">, SetUpOptions {
  readonly plugins: readonly PluginConfig[];
}

/**
 * Finds, imports, checks and sets up every plugin of the configuration. `onSecrets` of the options learns what their
 * schemas call secret before any plugin's code sees it.
 *
 * A plugin outside this workspace cannot import `@restorable/core` by itself: the composition root installs a resolve
 * hook (`module.registerHooks`) before it calls this.
 * @throws PLUGIN_NOT_FOUND, PLUGIN_FAILED, PLUGIN_TIMEOUT, PLUGIN_NONSENSE, CONFIG_EXPOSED, CONFIG_INVALID
 */
export async function loadPlugins(options: LoadPluginsOptions): Promise<LoadedPlugin[]> {
  const { resolved, mistakes, exposures, errors } = await resolvePlugins(options.plugins, {
    ...options,
    clock: options.host.clock,
  });
  if (errors[0]) throw errors[0];
  if (exposures.length > 0) throw exposedConfig(exposures);
  if (mistakes.length > 0) throw invalidConfig(options.configPath, mistakes);
  return setUpPlugins(resolved, options);
}

/**
 * One after the other, in the order of the configuration. When one fails, those already set up are closed again.
 * @throws PLUGIN_FAILED, PLUGIN_TIMEOUT, PLUGIN_NONSENSE; CONFIG_INVALID when two destinations share a name
 */
export async function setUpPlugins(
  plugins: readonly ResolvedPlugin[],
  options: SetUpOptions,
): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = [];
  try {
    for (const resolved of plugins) loaded.push(await setUp(resolved, options));
    const mistakes = sharedDestinations(plugins, loaded);
    if (mistakes.length > 0) throw invalidConfig(options.configPath, mistakes);
    return loaded;
  } catch (error) {
    await Promise.allSettled(loaded.map(async ({ plugin }) => plugin.close?.()));
    throw error;
  }
}

async function setUp(
  { name, definition, options }: ResolvedPlugin,
  { host, configFolder, stateFolder }: SetUpOptions,
): Promise<LoadedPlugin> {
  const own = join(stateFolder, "plugins", name.replace(/[^\w.-]/g, "_").replace(/^\.+/, "_"));
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asBackupError(error, "DESTINATION_UNAVAILABLE", `make the state folder of plugin "${name}"`);
  }
  const action = `set up plugin "${name}"`;
  const plugin = await limitPluginTime(action, host.clock, async () =>
    definition.setup(options, { ...host, configFolder, stateFolder: own }),
  );
  const flaw = checkPluginShape(plugin);
  if (flaw !== undefined)
    throw new BackupError("PLUGIN_NONSENSE", `Cannot ${action}: its setup returned ${flaw}`);
  return { name, required: definition.required ?? true, plugin };
}

function sharedDestinations(plugins: readonly ResolvedPlugin[], loaded: readonly LoadedPlugin[]): Mistake[] {
  const owners = new Map<string, number>();
  return loaded.flatMap(({ plugin }, position) =>
    (plugin.storage ?? []).flatMap(({ destination: { name } }): Mistake[] => {
      const owner = owners.get(name);
      owners.set(name, owner ?? position);
      if (owner === undefined) return [];
      return [
        {
          path: `plugins[${plugins[position]?.position ?? position}]`,
          found: `a destination '${name}', which plugins[${plugins[owner]?.position ?? owner}] has already`,
          allowed: "a name of its own for every destination",
        },
      ];
    }),
  );
}
