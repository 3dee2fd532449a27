import { mkdir, rmdir } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { syncFolder } from "@restorable/core";
import { codeOf } from "./local-errors.ts";

/** Creates the folder and its missing parents, 0700, each of them durable when this resolves. */
export async function makeFolders(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/**
 * Removes the folder and its parents below `root` as far as they are empty. Another process may put something in, or remove
 * the same ones, meanwhile: rmdir never takes what is not empty.
 */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let empty = folder; empty.startsWith(root + sep); empty = dirname(empty)) {
    try {
      await rmdir(empty);
      await syncFolder(dirname(empty));
    } catch (error) {
      // Gone already: the parents may still be ours to remove. Not empty, busy, forbidden: an empty folder harms nobody.
      if (codeOf(error) !== "ENOENT") return;
    }
  }
}
