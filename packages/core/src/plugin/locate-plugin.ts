import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { absolutePath } from "../config/paths.ts";

export interface PluginPlaces {
  /** Folder of the configuration file: relative paths and the project's node_modules start here. */
  readonly configFolder: string;
  readonly home: string;
  /** Where `plugins install` puts packages: `<dataFolder>/node_modules`. */
  readonly dataFolder?: string;
  /** The command line's own packages, usually `(name) => import.meta.resolve(name)`; throws when there is none. */
  readonly resolveFromHere?: (name: string) => string;
}

export interface Location {
  /** Address to import; absent when the plugin is nowhere. */
  readonly url?: string;
  /** The places in order, each with what was there. */
  readonly looked: readonly string[];
}

export function isPath(use: string): boolean {
  return /^(\.{1,2}|~)?\//.test(use);
}

/** A path; else the project, from the configuration's folder upwards; else the data folder; else the command line itself. */
export async function locatePlugin(use: string, places: PluginPlaces): Promise<Location> {
  if (isPath(use)) {
    const path = absolutePath(use, places.configFolder, places.home);
    const entry = await fileOrFolder(path);
    return { ...(entry !== undefined && { url: pathToFileURL(entry).href }), looked: [path] };
  }
  const roots = [places.configFolder, ...(places.dataFolder === undefined ? [] : [places.dataFolder])];
  const looked: string[] = [];
  for (const root of roots) {
    looked.push(
      root === places.configFolder ? `node_modules of ${root} and its parents` : join(root, "node_modules"),
    );
    const entry = await packageEntry(use, root);
    if (entry !== undefined) return { url: pathToFileURL(entry).href, looked };
  }
  if (places.resolveFromHere) {
    looked.push("the packages that come with backup");
    try {
      const resolved = places.resolveFromHere(use);
      return { url: resolved.startsWith("/") ? pathToFileURL(resolved).href : resolved, looked };
    } catch {
      // Node's resolution throws for "not here"; the caller says where else was looked.
    }
  }
  return { looked };
}

async function fileOrFolder(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return entryOfFolder(path);
  return found?.isFile() ? path : undefined;
}

/** Node's own resolution, which honours --conditions; a package that only `import` may enter is read by hand. */
async function packageEntry(use: string, root: string): Promise<string | undefined> {
  try {
    const resolved = createRequire(join(root, "backup.config.js")).resolve(use);
    return resolved.startsWith("/") ? resolved : undefined; // a module of Node's own is no plugin
  } catch {
    const folder = await packageFolder(use, root);
    return folder === undefined ? undefined : entryOfFolder(folder);
  }
}

async function packageFolder(use: string, root: string): Promise<string | undefined> {
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", use);
    if (await stat(join(candidate, "package.json")).catch(() => undefined)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

async function entryOfFolder(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, "package.json"), "utf8").catch(() => "{}");
  let facts: { exports?: unknown; main?: unknown } = {};
  try {
    facts = JSON.parse(text) as typeof facts;
  } catch {
    return undefined; // a broken package has no entry
  }
  const exported = target(facts.exports);
  const candidates = [exported, facts.main, "index.js", "index.mjs", "index.ts"].filter(
    (name) => typeof name === "string",
  );
  for (const name of candidates) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

/** What `exports` offers for "." to an import. */
function target(exported: unknown): string | undefined {
  if (typeof exported === "string") return exported;
  if (Array.isArray(exported)) return exported.map(target).find((name) => name !== undefined);
  if (typeof exported !== "object" || exported === null) return undefined;
  for (const [condition, inner] of Object.entries(exported)) {
    if (![".", "node", "import", "module-sync", "default"].includes(condition)) continue;
    const name = target(inner);
    if (name !== undefined) return name;
  }
  return undefined;
}
