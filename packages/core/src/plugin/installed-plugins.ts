import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A package that says of itself that it is a plugin: `"backup": { "plugin": true }` in its package.json. */
export interface InstalledPlugin {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

/** Plugins in the given `node_modules` folders, the first of a name; their package.json is read, their code is never run. */
export async function listInstalledPlugins(folders: readonly string[]): Promise<InstalledPlugin[]> {
  const found = new Map<string, InstalledPlugin>();
  for (const folder of folders) {
    for (const packageFolder of await packageFolders(folder)) {
      const plugin = await describePlugin(packageFolder);
      if (plugin && !found.has(plugin.name)) found.set(plugin.name, plugin);
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

async function packageFolders(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const nested = names.map(async (name) => {
    if (name.startsWith(".")) return [];
    if (!name.startsWith("@")) return [join(folder, name)];
    return (await readdir(join(folder, name)).catch(() => [])).map((inner) => join(folder, name, inner));
  });
  return (await Promise.all(nested)).flat();
}

async function describePlugin(folder: string): Promise<InstalledPlugin | undefined> {
  try {
    const facts = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
      name?: unknown;
      version?: unknown;
      backup?: { plugin?: unknown };
    };
    if (facts.backup?.plugin !== true || typeof facts.name !== "string") return undefined;
    return { name: facts.name, version: typeof facts.version === "string" ? facts.version : "", folder };
  } catch {
    return undefined; // no package, or a broken one: not ours to complain about
  }
}
