import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cosmiconfig, type Loader } from "cosmiconfig";
import { BackupError } from "../errors.ts";
import { absolutePath } from "./paths.ts";

/** In this order of preference within one folder. */
export const configFileNames: readonly string[] = ["yaml", "yml", "json", "ts", "mts", "js", "mjs"].map(
  (ending) => `backup.config.${ending}`,
);

export interface FindOptions {
  /** From `--config`. */
  readonly path?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Of the user; by default `$HOME`. */
  readonly home?: string;
  /** Folder of the machine's configuration; default /etc/restorable. */
  readonly systemFolder?: string;
}

/** Only whether a file is there: a search must neither read nor run what it finds. */
const present: Loader = () => ({ present: true });
const loaders = Object.fromEntries(
  [".yaml", ".yml", ".json", ".ts", ".mts", ".js", ".mjs"].map((ending) => [ending, present]),
);

/**
 * Absolute path of the configuration file: `--config`, then BACKUP_CONFIG, then the working folder and its parents,
 * then `$XDG_CONFIG_HOME/restorable` (default ~/.config/restorable), then /etc/restorable.
 * A named file must exist; no other place is tried in its stead.
 * @throws CONFIG_NOT_FOUND
 */
export async function findConfigFile(options: FindOptions): Promise<string> {
  const { environment, cwd } = options;
  const home = options.home ?? environment["HOME"] ?? "/";
  const named = options.path ?? environment["BACKUP_CONFIG"];
  if (named)
    return existing(
      absolutePath(named, cwd, home),
      options.path === undefined ? "BACKUP_CONFIG" : "--config",
    );

  const explorer = cosmiconfig("restorable", {
    searchPlaces: [...configFileNames],
    searchStrategy: "none",
    mergeSearchPlaces: false,
    ignoreEmptySearchPlaces: false,
    cache: false,
    loaders,
  });
  const configHome = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  const folders = [
    ...withParents(cwd),
    join(configHome, "restorable"),
    options.systemFolder ?? "/etc/restorable",
  ];
  for (const folder of folders) {
    const found = await explorer.search(folder).catch(() => null); // a folder that cannot be entered holds nothing for us
    if (found && configFileNames.includes(basename(found.filepath))) return found.filepath;
    for (const name of configFileNames) {
      if (await isFile(join(folder, name))) {
        throw new BackupError("CONFIG_NOT_FOUND", `Cannot read "${join(folder, name)}": permission denied`, {
          hint: "Run the command as the file's owner, or name another file with --config",
        });
      }
    }
  }
  throw new BackupError(
    "CONFIG_NOT_FOUND",
    `Cannot find a configuration: no backup.config.yaml (or .json, .ts, .js) in "${cwd}", its parents, "${join(configHome, "restorable")}" or "${options.systemFolder ?? "/etc/restorable"}"`,
    {
      details: { names: configFileNames, folders },
    },
  );
}

async function existing(path: string, from: string): Promise<string> {
  if (!(await isFile(path)))
    throw new BackupError(
      "CONFIG_NOT_FOUND",
      `Cannot use the configuration "${path}" of ${from}: there is no such file`,
    );
  const ending = /\.[^.]*$/.exec(basename(path))?.[0] ?? "";
  if (ending in loaders) return path;
  throw new BackupError(
    "CONFIG_NOT_FOUND",
    `Cannot use the configuration "${path}" of ${from}: its name does not end in ${Object.keys(loaders).join(", ")}`,
    {
      hint: "Rename the file, for instance to backup.config.yaml",
    },
  );
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function withParents(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withParents(parent)];
}
