import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  type Config,
  type LoadedPlugin,
  loadConfig,
  loadPlugins,
  type Progress,
  type RunEnvironment,
  redactor,
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
  const { config, secrets, provenance } = await loadConfig({
    ...(options.configPath !== undefined && { path: options.configPath }),
    environment: process.env,
    cwd: process.cwd(),
    home,
    uid: process.getuid?.() ?? 1,
  });
  const known = [...secrets, ...(process.env["PGPASSWORD"] ? [process.env["PGPASSWORD"]] : [])];
  let redact = redactor(known);
  const currentRedact = (text: string): string => redact(text);
  options.onSecrets(currentRedact);
  const log = stderrLogger(currentRedact, {
    quiet: options.quiet,
    debug: Boolean(process.env["BACKUP_DEBUG"]),
  });
  const plugins: readonly LoadedPlugin[] = await loadPlugins({
    plugins: config.plugins,
    configPath: config.path,
    configFolder: dirname(config.path),
    home,
    dataFolder: options.dataFolder,
    resolveFromHere: (name) => import.meta.resolve(name),
    provenance,
    onSecrets: (more) => {
      known.push(...more);
      redact = redactor(known);
    },
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

/** Where oclif installs plugins for its users. */
export function pluginFolder(dataFolder: string): string {
  return join(dataFolder, "node_modules");
}
