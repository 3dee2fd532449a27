import type { Stats } from "node:fs";
import { lstat, rm, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import {
  type Artifact,
  BackupError,
  type CallOptions,
  type Capacity,
  type Clock,
  type Destination,
  isObjectKey,
  type LocalFolder,
  type ObjectKey,
  parseObjectKey,
  type StoredObject,
  syncFolder,
  systemClock,
} from "@restorable/core";
import { listFolder } from "./list-folder.ts";
import { codeOf, localError } from "./local-errors.ts";
import { makeFolders, removeEmptyFolders } from "./private-folders.ts";
import { readFileRange } from "./read-file.ts";
import { takeCopy, takeLink, temporaryPrefix } from "./take-in.ts";

export interface LocalFolderOptions {
  readonly name: string;
  /** Absolute. Made by the first `put`; until then every other call says DESTINATION_UNAVAILABLE. */
  readonly folder: string;
  readonly clock?: Clock;
}

const dayMs = 86_400_000;

/** A folder of this machine: folders 0700, files 0600, dot names left alone. A sealed file is taken by hard link, else copied. */
export function localDestination({
  name,
  folder,
  clock = systemClock(),
}: LocalFolderOptions): Destination & LocalFolder & Capacity {
  const pathOf = (key: ObjectKey): string => join(folder, ...parseObjectKey(key).split("/"));
  const storedAs = (key: ObjectKey, stats: Stats): StoredObject => ({
    key,
    bytes: stats.size,
    modifiedAt: stats.mtime,
  });

  /** What is not there is told apart from a folder that is gone as a whole: a disk that is not mounted is no empty store. */
  const absent = async (key: ObjectKey, error?: unknown): Promise<BackupError> => {
    await requireFolder();
    return new BackupError("OBJECT_NOT_FOUND", `Cannot find "${key}" in "${name}": there is no such object`, {
      cause: error,
    });
  };
  const requireFolder = async (): Promise<void> => {
    const found = await stat(folder).catch((error: unknown) =>
      Promise.reject(localError(error, `use "${folder}"`)),
    );
    if (!found.isDirectory())
      throw new BackupError("DESTINATION_UNAVAILABLE", `Cannot use "${folder}": it is no folder`);
  };
  const isAbsent = (error: unknown): boolean =>
    ["ENOENT", "ENOTDIR", "EISDIR", "ELOOP"].includes(codeOf(error) ?? "");

  /** Once in the life of this object: what killed copies left is nowhere listed, and would stay for ever. */
  let swept: Promise<void> | undefined;
  const sweep = async (): Promise<void> => {
    const skip = (entry: string): boolean => entry.startsWith(".") && !entry.startsWith(temporaryPrefix);
    for await (const { name: file, stats } of listFolder(folder, { prefix: "", skip })) {
      const left = file.slice(file.lastIndexOf("/") + 1).startsWith(temporaryPrefix);
      if (!left || clock.now().getTime() - stats.mtimeMs <= dayMs) continue;
      await rm(join(folder, file), { force: true });
      await removeEmptyFolders(folder, dirname(join(folder, file)));
    }
  };

  const take = async (artifact: Artifact, path: string, options: CallOptions): Promise<void> => {
    // A deletion beside us may remove the folder between its making and its use: before a byte has moved.
    for (let attempt = 1; ; attempt += 1) {
      try {
        await makeFolders(dirname(path));
        if (!(await takeLink(artifact, path, options))) await takeCopy(artifact, path, options);
        break;
      } catch (error) {
        if (codeOf(error) !== "ENOENT" || attempt === 10) throw error;
      }
    }
    await syncFolder(dirname(path));
  };

  return {
    name,
    folder,
    concurrency: 16,
    pathOf,

    async put(key, artifact, options = {}) {
      options.signal?.throwIfAborted();
      const path = pathOf(key);
      try {
        await take(artifact, path, options);
        swept ??= sweep().catch(() => undefined);
        await swept;
        return storedAs(key, await lstat(path));
      } catch (error) {
        if (codeOf(error) === "EEXIST")
          throw new BackupError("OBJECT_EXISTS", `Cannot store "${key}" in "${name}": it is there already`, {
            cause: error,
          });
        throw localError(error, `store "${path}"`, options.signal);
      }
    },

    async get(key, options = {}) {
      options.signal?.throwIfAborted();
      const path = pathOf(key);
      let stream: Readable | undefined;
      try {
        stream = readFileRange(path, options);
      } catch (error) {
        throw isAbsent(error) ? await absent(key, error) : localError(error, `read "${path}"`);
      }
      if (!stream) throw await absent(key);
      return stream;
    },

    async stat(key, options) {
      options?.signal?.throwIfAborted();
      const stats = await lstat(pathOf(key)).catch(async (error: unknown) => {
        throw isAbsent(error) ? await absent(key, error) : localError(error, `look at "${pathOf(key)}"`);
      });
      if (!stats.isFile()) throw await absent(key);
      return storedAs(key, stats);
    },

    async *list(prefix, options = {}) {
      const skip = (entry: string): boolean => !isObjectKey(entry);
      try {
        for await (const { name: key, stats } of listFolder(folder, {
          prefix,
          skip,
          ...(options.signal && { signal: options.signal }),
        })) {
          if (isObjectKey(key)) yield storedAs(key, stats);
        }
      } catch (error) {
        throw localError(error, `list "${folder}"`, options.signal);
      }
    },

    async delete(key, options) {
      options?.signal?.throwIfAborted();
      const path = pathOf(key);
      try {
        await unlink(path);
        await syncFolder(dirname(path)).catch((error: unknown) =>
          isAbsent(error) ? undefined : Promise.reject(error),
        );
      } catch (error) {
        if (!isAbsent(error)) throw localError(error, `delete "${path}"`);
        await requireFolder();
      }
      await removeEmptyFolders(folder, dirname(path));
    },

    async capacity() {
      const { bavail, blocks, bsize } = await statfs(folder).catch((error: unknown) =>
        Promise.reject(localError(error, `measure "${folder}"`)),
      );
      return { free: bavail * bsize, total: blocks * bsize };
    },

    async close() {},
  };
}
