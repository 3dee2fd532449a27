import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  type Config,
  type ConfigReading,
  exposedConfig,
  invalidConfig,
  type LoadedPlugin,
  type PluginResolution,
  type Progress,
  type RunEnvironment,
  readConfig,
  redactor,
  resolvePlugins,
  setUpPlugins,
  systemClock,
  systemProcesses,
} from "@restorable/core";
import { stderrLogger } from "./reporters/logger.ts";

export interface Composition {
  readonly config: Config;
  readonly environment: RunEnvironment;
  readonly redact: (text: string) => string;
  close(): Promise<void>;
}

export interface ComposeOptions {
  readonly configPath?: string;
  readonly quiet: boolean;
  /** Folder where oclif keeps installed plugins. */
  readonly dataFolder: string;
  readonly toolVersion: string;
  readonly signal: AbortSignal;
  readonly progress?: (progress: Progress) => void;
  readonly onSecrets: (redact: (text: string) => string) => void;
}

/** From a configuration file to everything a run needs: the only place where the parts meet. */
export async function compose(options: ComposeOptions): Promise<Composition> {
  const clock = systemClock();
  const processes = systemProcesses();
  const home = homedir();
  const reading = await readConfig({
    ...(options.configPath !== undefined && { path: options.configPath }),
    environment: process.env,
    cwd: process.cwd(),
    home,
    uid: process.getuid?.() ?? 1,
  });
  const known = [...reading.secrets, ...(process.env["PGPASSWORD"] ? [process.env["PGPASSWORD"]] : [])];
  let redact = redactor(known);
  const currentRedact = (text: string): string => redact(text);
  options.onSecrets(currentRedact);
  const log = stderrLogger(currentRedact, {
    quiet: options.quiet,
    debug: Boolean(process.env["BACKUP_DEBUG"]),
  });
  const configFolder = dirname(reading.path);
  const resolution = await resolvePlugins(reading.plugins, {
    clock,
    configFolder,
    home,
    dataFolder: options.dataFolder,
    resolveFromHere: (name) => import.meta.resolve(name),
    provenance: reading.provenance,
    onSecrets: (more) => {
      known.push(...more);
      redact = redactor(known);
    },
  });
  const config = requireFaultless(reading, resolution);
  const plugins: readonly LoadedPlugin[] = await setUpPlugins(resolution.resolved, {
    configPath: config.path,
    configFolder,
    host: { clock, log, processes },
    stateFolder: config.stateFolder,
  });
  const environment: RunEnvironment = {
    plugins,
    clock,
    log,
    processes,
    environmentVariables: process.env,
    stateFolder: config.stateFolder,
    toolVersion: options.toolVersion,
    signal: options.signal,
    ...(options.progress && { progress: options.progress }),
  };
  return {
    config,
    environment,
    redact: currentRedact,
    close: async () => {
      await Promise.allSettled(plugins.map(async ({ plugin }) => plugin.close?.()));
    },
  };
}

/**
 * The mistakes of the file and of every plugin's options, all at once.
 * @throws CONFIG_EXPOSED, CONFIG_INVALID, PLUGIN_NOT_FOUND and its like
 */
function requireFaultless(reading: ConfigReading, resolution: PluginResolution): Config {
  const exposures = [...reading.exposures, ...resolution.exposures];
  if (exposures.length > 0) throw exposedConfig(exposures);
  const mistakes = [...reading.mistakes, ...resolution.mistakes];
  if (mistakes.length > 0 || !reading.config) throw invalidConfig(reading.path, mistakes);
  if (resolution.errors[0]) throw resolution.errors[0];
  return reading.config;
}

/** Where oclif installs plugins for its users. */
export function pluginFolder(dataFolder: string): string {
  return join(dataFolder, "node_modules");
}
