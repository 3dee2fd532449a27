import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { check } from "../config/check.ts";
import type { PluginConfig } from "../config/config.ts";
import { type Exposure, findExposures, secretSettings } from "../config/exposure.ts";
import type { Provenance } from "../config/load.ts";
import type { Mistake } from "../config/mistakes.ts";
import { nearest } from "../config/suggest.ts";
import { asBackupError, BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { listInstalledPlugins } from "./installed-plugins.ts";
import { isPath, locatePlugin, type PluginPlaces } from "./locate-plugin.ts";
import type { PluginDefinition } from "./plugin.ts";
import { checkDefinitionShape } from "./plugin-shape.ts";
import { limitPluginTime } from "./plugin-time.ts";
import { schemaSecrets } from "./schema-secrets.ts";

/** A plugin that was found and imported, with options that its schema allows; not yet set up. */
export interface ResolvedPlugin {
  /** Unique: the second of a name is called `name-2`. */
  readonly name: string;
  /** Index in the configuration's `plugins`. */
  readonly position: number;
  readonly definition: PluginDefinition;
  /** A copy, defaults filled in. */
  readonly options: unknown;
  /** Where it was found. */
  readonly url: string;
}

export interface ResolveOptions extends PluginPlaces {
  readonly clock: Clock;
  /** From `readConfig` or `loadConfig`; without it, exposed secrets in options go unnoticed. */
  readonly provenance?: Provenance;
  /** Told the values that the schemas call secret: for the redactor. */
  readonly onSecrets?: (secrets: readonly string[]) => void;
}

export interface PluginResolution {
  readonly resolved: readonly ResolvedPlugin[];
  /** Of all plugins, by path, to be shown together with those of the file. */
  readonly mistakes: readonly Mistake[];
  readonly exposures: readonly Exposure[];
  /** PLUGIN_NOT_FOUND, PLUGIN_FAILED, PLUGIN_TIMEOUT, PLUGIN_NONSENSE; one at most for each plugin. */
  readonly errors: readonly BackupError[];
}

/** Finds and imports every plugin and checks its options; all that is wrong with all of them is told at once. Nothing is set up. */
export async function resolvePlugins(
  plugins: readonly (PluginConfig | undefined)[],
  options: ResolveOptions,
): Promise<PluginResolution> {
  const resolved: ResolvedPlugin[] = [];
  const mistakes: Mistake[] = [];
  const exposures: Exposure[] = [];
  const errors: BackupError[] = [];
  for (const [position, plugin] of plugins.entries()) {
    if (!plugin) continue;
    try {
      const url = await findPlugin(plugin.use, options);
      const definition = await importPlugin(plugin.use, url, options.clock);
      const prefix = `plugins[${position}].options`;
      const own = optionsCopy(plugin.options);
      const isSecret = schemaSecrets(definition.options, prefix);
      const secrets = secretSettings(own, isSecret, prefix);
      options.onSecrets?.(secrets.map(({ value }) => value));
      if (options.provenance)
        exposures.push(...findExposures(secrets, options.provenance.origins, options.provenance.sources));
      mistakes.push(
        ...checkOptions(
          plugin.use,
          definition,
          own,
          prefix,
          (path) => isSecret(path) || options.provenance?.origins.has(path) === true,
        ),
      );
      const count = resolved.filter((other) => other.definition.name === definition.name).length;
      resolved.push({
        name: count === 0 ? definition.name : `${definition.name}-${count + 1}`,
        position,
        definition,
        options: own,
        url,
      });
    } catch (error) {
      errors.push(asBackupError(error));
    }
  }
  return { resolved, mistakes, exposures: merged(exposures), errors };
}

async function findPlugin(use: string, options: ResolveOptions): Promise<string> {
  const { url, looked } = await locatePlugin(use, options);
  if (url !== undefined) return url;
  const installed = await listInstalledPlugins(nodeModules(options));
  const asPath = isPath(use) ? undefined : await stat(join(options.configFolder, use)).catch(() => undefined);
  const suggestion = asPath
    ? `./${use}`
    : nearest(
        use,
        installed.map(({ name }) => name),
      );
  throw new BackupError(
    "PLUGIN_NOT_FOUND",
    `Cannot find the plugin "${use}": it is not in ${looked.join(", nor in ")}`,
    {
      hint:
        suggestion === undefined
          ? "Check the name under 'plugins', or run 'backup plugins install' with it"
          : `Did you mean '${suggestion}'?`,
      details: { use, looked, ...(suggestion !== undefined && { suggestion }) },
    },
  );
}

function nodeModules({ configFolder, dataFolder }: PluginPlaces): string[] {
  const folders = dataFolder === undefined ? [] : [join(dataFolder, "node_modules")];
  for (let folder = configFolder; ; folder = dirname(folder)) {
    folders.push(join(folder, "node_modules"));
    if (dirname(folder) === folder) return folders;
  }
}

async function importPlugin(use: string, url: string, clock: Clock): Promise<PluginDefinition> {
  const module = await limitPluginTime(
    `load the plugin "${use}"`,
    clock,
    async () => (await import(/* @vite-ignore */ url)) as Readonly<Record<string, unknown>>,
  );
  const flaw = checkDefinitionShape(module["plugin"]);
  if (flaw !== undefined)
    throw new BackupError("PLUGIN_NONSENSE", `Cannot load the plugin "${use}": it exports ${flaw}`, {
      hint: "Check that the package is a plugin of backup; if so, report it to its author",
    });
  return module["plugin"] as PluginDefinition;
}

function optionsCopy(options: unknown): unknown {
  try {
    return structuredClone(options ?? {});
  } catch {
    return options; // functions in a TypeScript configuration; the schema will say what is allowed
  }
}

function checkOptions(
  use: string,
  definition: PluginDefinition,
  options: unknown,
  prefix: string,
  hide: (path: string) => boolean,
): Mistake[] {
  try {
    return check(definition.options, options, { prefix, hide });
  } catch (error) {
    throw new BackupError(
      "PLUGIN_NONSENSE",
      `Cannot check the options of plugin "${use}": its schema is wrong`,
      { cause: error, hint: "Report it to the plugin's author" },
    );
  }
}

function merged(exposures: readonly Exposure[]): Exposure[] {
  const files = [...new Set(exposures.map(({ file }) => file))];
  return files.map((file) => ({
    file,
    paths: [...new Set(exposures.filter((other) => other.file === file).flatMap(({ paths }) => paths))],
  }));
}
