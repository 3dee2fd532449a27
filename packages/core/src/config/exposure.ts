import { BackupError } from "../errors.ts";
import type { Origin } from "./interpolate.ts";
import type { ConfigSource } from "./read-config-file.ts";
import { isSecretName, passwordsInUri } from "./secret-name.ts";
import { settingPath } from "./setting-path.ts";

/** A file that others can read although it holds a secret. */
export interface Exposure {
  readonly file: string;
  /** The settings whose secret it holds. */
  readonly paths: readonly string[];
}

/** A setting that holds a secret. */
export interface SecretSetting {
  readonly path: string;
  readonly value: string;
}

/** Every text that must be secret: by its name, by its password in a URI, as a private key, or because `isSecret` says so. */
export function secretSettings(
  value: unknown,
  isSecret: (path: string) => boolean = () => false,
  prefix = "",
): SecretSetting[] {
  const found: SecretSetting[] = [];
  const visit = (item: unknown, path: string, name: string): void => {
    if (typeof item === "string") {
      if (
        item !== "" &&
        (isSecretName(name) ||
          isSecret(path) ||
          passwordsInUri(item).length > 0 ||
          item.includes("PRIVATE KEY-----"))
      )
        found.push({ path, value: item });
    } else if (Array.isArray(item)) {
      for (const [index, entry] of item.entries()) visit(entry, settingPath([index], path), name);
    } else if (typeof item === "object" && item !== null) {
      for (const [key, entry] of Object.entries(item)) visit(entry, settingPath([key], path), key);
    }
  };
  visit(value, prefix, "");
  return found;
}

/**
 * Configuration files that group or others can read although a secret stands in them literally, and `${file:}` secrets
 * that others can read. Files under /run/secrets are let be: container engines mount them world-readable for one container.
 */
export function findExposures(
  settings: readonly SecretSetting[],
  origins: ReadonlyMap<string, readonly Origin[]>,
  sources: readonly ConfigSource[],
): Exposure[] {
  const exposed = new Map<string, string[]>();
  const add = (file: string, path: string): unknown =>
    exposed.set(file, [...(exposed.get(file) ?? []), path]);
  for (const { path, value } of settings) {
    const parts = origins.get(path) ?? [];
    if (isLiteral(value, parts)) {
      for (const source of sources)
        if ((source.mode & 0o044) !== 0 && mayHold(source, value)) add(source.file, path);
    }
  }
  for (const [path, parts] of origins) {
    for (const { file, mode } of parts)
      if (file && ((mode ?? 0) & 0o004) !== 0 && !file.startsWith("/run/secrets/")) add(file, path);
  }
  return [...exposed].map(([file, paths]) => ({ file, paths }));
}

/** A URI whose password came from a variable is not literal; without variables everything is. */
function isLiteral(value: string, parts: readonly Origin[]): boolean {
  if (parts.length === 0) return true;
  const passwords = passwordsInUri(value);
  return (
    passwords.length > 0 &&
    passwords.every(
      (password) => !parts.some((part) => part.value.includes(password) || password.includes(part.value)),
    )
  );
}

/** A program may have taken the value from elsewhere; then its text does not hold it. */
function mayHold(source: ConfigSource, value: string): boolean {
  return (
    !source.isModule ||
    source.text.includes(value) ||
    source.text.includes(JSON.stringify(value).slice(1, -1))
  );
}

/** CONFIG_EXPOSED that names every such file and its remedy. */
export function exposedConfig(exposures: readonly Exposure[]): BackupError {
  const lines = exposures.map(({ file, paths }) => `  "${file}" holds ${paths.join(", ")}`);
  return new BackupError(
    "CONFIG_EXPOSED",
    ["Cannot trust the configuration: others can read its secrets", ...lines].join("\n"),
    {
      hint: `Run 'chmod 600 ${exposures.map(({ file }) => file).join(" ")}'`,
      details: { exposures },
    },
  );
}
