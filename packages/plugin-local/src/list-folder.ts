import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "./local-errors.ts";

/** A regular file below a folder. */
export interface FoundFile {
  /** Relative, `/` between segments. */
  readonly name: string;
  readonly stats: Stats;
}

export interface ListOptions {
  /** Beginning of the relative name; folders that cannot hold it are not entered. */
  readonly prefix: string;
  /** Files and folders that the walk passes over; everything below such a folder too. */
  readonly skip: (name: string) => boolean;
  readonly signal?: AbortSignal;
}

/** Folders read side by side: enough to keep the disk busy, few enough to hold in memory. */
const atOnce = 32;

/**
 * Every regular file below the folder; a symbolic link is none. Holds the names of folders not yet read and the files of 32
 * folders. What vanishes while it walks was deleted by somebody and is not there; every other failure rejects.
 */
export async function* listFolder(root: string, options: ListOptions): AsyncGenerator<FoundFile> {
  const waiting = [""];
  while (waiting.length > 0) {
    options.signal?.throwIfAborted();
    const folders = waiting.splice(-atOnce);
    for (const found of await Promise.all(folders.map((folder) => readFolder(root, folder, options)))) {
      for (const folder of found.folders) waiting.push(folder);
      yield* found.files;
    }
  }
}

interface Found {
  readonly files: readonly FoundFile[];
  readonly folders: readonly string[];
}

/** @param folder relative with a closing `/`; empty for the root, which alone must exist */
async function readFolder(root: string, folder: string, options: ListOptions): Promise<Found> {
  const files: Promise<FoundFile | undefined>[] = [];
  const folders: string[] = [];
  for (const entry of await entriesOf(join(root, folder), folder === "")) {
    const name = folder + entry.name;
    if (options.skip(entry.name)) continue;
    const kind = await kindOf(entry, join(root, name));
    if (kind === "folder" && (`${name}/`.startsWith(options.prefix) || options.prefix.startsWith(`${name}/`))) folders.push(`${name}/`);
    if (kind === "file" && name.startsWith(options.prefix)) files.push(statFile(join(root, name), name));
  }
  return { files: (await Promise.all(files)).filter((file) => file !== undefined), folders };
}

async function entriesOf(path: string, isRoot: boolean): Promise<readonly Dirent[]> {
  return await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT" && !isRoot) return [];
    throw error;
  });
}

/** Some file systems do not tell the type of an entry; Node then says that it is nothing at all. */
async function kindOf(entry: Dirent, path: string): Promise<"file" | "folder" | "other"> {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (entry.isSymbolicLink() || entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice()) return "other";
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isFile() ? "file" : stats?.isDirectory() ? "folder" : "other";
}

async function statFile(path: string, name: string): Promise<FoundFile | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? { name, stats } : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
