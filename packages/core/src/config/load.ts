import { dirname } from "node:path";
import { buildConfig } from "./build-config.ts";
import { check } from "./check.ts";
import type { Config, PluginConfig } from "./config.ts";
import { type Exposure, exposedConfig, findExposures, secretSettings } from "./exposure.ts";
import { type FindOptions, findConfigFile } from "./find-config-file.ts";
import { interpolate, type Origin } from "./interpolate.ts";
import { invalidConfig, type Mistake } from "./mistakes.ts";
import { type ConfigSource, readConfigFile } from "./read-config-file.ts";
import { configSchema } from "./schema.ts";
import { isSecretName, passwordsInUri } from "./secret-name.ts";

export interface LoadOptions extends FindOptions {
  readonly home: string;
  /** Of this process; 0 is root. */
  readonly uid: number;
}

/** Where the configuration's texts came from: what a plugin's schema calls secret is checked against it later. */
export interface Provenance {
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
  readonly sources: readonly ConfigSource[];
}

/** Everything that reading the configuration found out. */
export interface ConfigReading {
  readonly path: string;
  /** Absent when there are mistakes. */
  readonly config?: Config;
  /** What can be read of `plugins` even when other settings are wrong, so that their options can be checked too; holes where an entry is wrong. */
  readonly plugins: readonly (PluginConfig | undefined)[];
  readonly mistakes: readonly Mistake[];
  readonly exposures: readonly Exposure[];
  /** Values that must never be printed: for `redactor`. */
  readonly secrets: readonly string[];
  readonly provenance: Provenance;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly secrets: readonly string[];
  readonly provenance: Provenance;
}

/**
 * Finds, reads, interpolates and checks the configuration, and tells all that is wrong with it rather than throwing.
 * @throws CONFIG_NOT_FOUND
 */
export async function readConfig(options: LoadOptions): Promise<ConfigReading> {
  const path = await findConfigFile(options);
  const folder = dirname(path);
  const raw = await readConfigFile(path);
  if (raw.mistakes.length > 0) {
    return {
      path,
      plugins: [],
      mistakes: raw.mistakes,
      exposures: [],
      secrets: [],
      provenance: { origins: new Map(), sources: raw.sources },
    };
  }
  const {
    value,
    origins,
    mistakes: missing,
  } = await interpolate(raw.value, { environment: options.environment, folder, home: options.home });
  const checked = check(configSchema, value, {
    showTexts: true,
    skip: new Set(missing.map((mistake) => mistake.path)),
    hide: (setting) => origins.has(setting) || setting === "",
  });
  const settings = secretSettings(value);
  const mistakes = [...missing, ...checked];
  const built = mistakes.length === 0 ? buildConfig(value, { ...options, path, folder }) : undefined;
  mistakes.push(...(built?.mistakes ?? []));
  return {
    path,
    ...(built && mistakes.length === 0 && { config: built.config }),
    plugins: readablePlugins(value),
    mistakes,
    exposures: findExposures(settings, origins, raw.sources),
    secrets: secretsOf(
      settings.map((setting) => setting.value),
      origins,
    ),
    provenance: { origins, sources: raw.sources },
  };
}

/**
 * The configuration, ready for use.
 * @throws CONFIG_NOT_FOUND, CONFIG_EXPOSED, CONFIG_INVALID with `details.mistakes`
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { path, config, mistakes, exposures, secrets, provenance } = await readConfig(options);
  if (exposures.length > 0) throw exposedConfig(exposures);
  if (!config) throw invalidConfig(path, mistakes);
  return { config, secrets, provenance };
}

function readablePlugins(value: unknown): (PluginConfig | undefined)[] {
  const written =
    typeof value === "object" && value !== null && "plugins" in value ? value.plugins : undefined;
  if (!Array.isArray(written)) return [];
  return written.map((entry: unknown) => {
    if (typeof entry !== "object" || entry === null || !("use" in entry) || typeof entry.use !== "string")
      return undefined;
    return { use: entry.use, options: "options" in entry ? entry.options : {} };
  });
}

/** Settings that are plain facts: hiding their values from messages would help nobody. */
const plainFact =
  /(^|\.)(name|prefix|host|hostaddr|port|user|dbname|service|sslmode|state|use|path|folder|database|from|to|jobs|level|algorithm|\w*(file|path|folder))(\[\d+\])?$/i;

const connection = /^databases\[\d+\]\.connection(\.\w+)?$/;

/** What came out of a file is secret; out of the environment too, except where it is a plain fact; and every literal password. */
function secretsOf(values: readonly string[], origins: ReadonlyMap<string, readonly Origin[]>): string[] {
  const secrets = new Set<string>();
  const passwords = values.flatMap(passwordsInUri);
  for (const password of passwords) secrets.add(password);
  for (const value of values) if (passwordsInUri(value).length === 0) secrets.add(value);
  for (const [path, parts] of origins) {
    const name = /[^.[\]"]+(?=(?:"?\])?(?:\[\d+\])*$)/.exec(path)?.[0] ?? "";
    for (const { kind, value } of parts) {
      const isUserOrHost =
        connection.test(path) &&
        passwordsInUri(value).length === 0 &&
        !passwords.some((password) => password.includes(value));
      if (kind === "file" || isSecretName(name) || !(isUserOrHost || plainFact.test(path)))
        secrets.add(value);
    }
  }
  return [...secrets];
}
