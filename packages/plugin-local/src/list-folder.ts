import { type Dirent, lstatSync, type Stats } from "node:fs";
import { readdir } from "node:fs/promises";
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
  const files: FoundFile[] = [];
  const folders: string[] = [];
  for (const entry of await entriesOf(join(root, folder), folder === "")) {
    if (options.skip(entry.name)) continue;
    const name = folder + entry.name;
    const mayHold = `${name}/`.startsWith(options.prefix) || options.prefix.startsWith(`${name}/`);
    if (isOther(entry) || !(mayHold || name.startsWith(options.prefix))) continue;
    if (entry.isDirectory()) {
      if (mayHold) folders.push(`${name}/`);
    } else {
      const stats = statsOf(join(root, name));
      // Some file systems do not tell the kind of an entry.
      if (stats?.isFile() && name.startsWith(options.prefix)) files.push({ name, stats });
      else if (stats?.isDirectory() && mayHold) folders.push(`${name}/`);
    }
  }
  return { files, folders };
}

async function entriesOf(path: string, isRoot: boolean): Promise<readonly Dirent[]> {
  return await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT" && !isRoot) return [];
    throw error;
  });
}

function isOther(entry: Dirent): boolean {
  return (
    entry.isSymbolicLink() ||
    entry.isFIFO() ||
    entry.isSocket() ||
    entry.isBlockDevice() ||
    entry.isCharacterDevice()
  );
}

/** Without a promise: the folder was read just now, and ten thousand sets are thirty thousand of these (0.2 s instead of 0.6 s). */
function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
