import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, link, mkdir, open, opendir, readdir, rm, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import {
  type Artifact,
  BackupError,
  type CallOptions,
  type Capacity,
  type Destination,
  isObjectKey,
  type LocalFolder,
  type ObjectKey,
  randomText,
  sameDigest,
  type StoredObject,
  syncFolder,
} from "@restorable/core";

const temporaryPrefix = ".partial-";
const temporaryLifeMs = 24 * 60 * 60 * 1000;

/**
 * A folder of this machine. A sealed file is taken by hard link, which is atomic, free and never overwrites; else by a copy
 * under a temporary name that is compared, synced and then linked. Folders 0700, files 0600.
 */
export function localDestination(options: { readonly name: string; readonly folder: string }): Destination & LocalFolder & Capacity {
  const { name, folder } = options;
  const pathOf = (key: ObjectKey): string => join(folder, ...key.split("/"));

  const put = async (key: ObjectKey, artifact: Artifact, call: CallOptions = {}): Promise<StoredObject> => {
    const path = pathOf(key);
    try {
      call.signal?.throwIfAborted();
      await makeFolders(folder, dirname(path));
      await sweep(dirname(path));
      if (!(await tookLink(artifact, path))) await copyIn(artifact, path, call);
      else call.progress?.(artifact.digest.bytes);
      await syncFolder(dirname(path));
      return await statKey(key);
    } catch (error) {
      throw call.signal?.aborted ? call.signal.reason : told(error, `store "${key}"`, key);
    }
  };

  const statKey = async (key: ObjectKey): Promise<StoredObject> => {
    try {
      const found = await stat(pathOf(key));
      if (!found.isFile()) throw new BackupError("OBJECT_NOT_FOUND", `Cannot find "${key}" on "${name}": it is no file`);
      return { key, bytes: found.size, modifiedAt: found.mtime };
    } catch (error) {
      throw told(error, `find "${key}"`, key);
    }
  };

  const told = (error: unknown, action: string, key?: string): unknown => {
    const code = (error as NodeJS.ErrnoException).code;
    const cannot = `Cannot ${action} on "${name}"`;
    if (error instanceof BackupError) return error;
    if (code === "ENOENT" && key !== undefined) return new BackupError("OBJECT_NOT_FOUND", `${cannot}: there is no such object`, { cause: error });
    if (code === "EEXIST") return new BackupError("OBJECT_EXISTS", `${cannot}: the object exists already`, { cause: error });
    if (code === "ENOSPC" || code === "EDQUOT") return new BackupError("DISK_FULL", `${cannot}: the disk of "${folder}" is full`, { cause: error });
    if (code === "ENOENT") return new BackupError("DESTINATION_UNAVAILABLE", `${cannot}: there is no folder "${folder}"`, { cause: error });
    if (typeof code === "string") return new BackupError("DESTINATION_UNAVAILABLE", `${cannot}: ${(error as Error).message}`, { cause: error });
    return error;
  };

  return {
    name,
    folder,
    concurrency: 16,
    pathOf,
    put,
    stat: statKey,
    async get(key, call = {}) {
      await statKey(key);
      return createReadStream(pathOf(key), {
        highWaterMark: 1 << 18,
        start: call.offset ?? 0,
        ...(call.length !== undefined && { end: (call.offset ?? 0) + call.length - 1 }),
        ...(call.signal && { signal: call.signal }),
      });
    },
    async *list(prefix, call = {}) {
      try {
        for await (const path of walk(folder, prefix)) {
          call.signal?.throwIfAborted();
          const key = relative(folder, path).split(sep).join("/");
          if (!key.startsWith(prefix) || !isObjectKey(key)) continue;
          // What vanishes between its folder and this line was deleted by somebody, and is not there.
          const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
            if (error.code === "ENOENT") return undefined;
            throw error;
          });
          if (found) yield { key, bytes: found.size, modifiedAt: found.mtime };
        }
      } catch (error) {
        throw call.signal?.aborted ? call.signal.reason : told(error, "list");
      }
    },
    async delete(key) {
      const path = pathOf(key);
      try {
        await rm(path, { force: true });
        await removeEmpty(folder, dirname(path));
      } catch (error) {
        throw told(error, `delete "${key}"`);
      }
    },
    async capacity() {
      const { bavail, blocks, bsize } = await statfs(folder);
      return { free: bavail * bsize, total: blocks * bsize };
    },
    close: async () => {},
  };
}

/** False where this file system, or this artifact, cannot be linked. */
async function tookLink(artifact: Artifact, path: string): Promise<boolean> {
  if (artifact.path === undefined) return false;
  const found = await stat(artifact.path);
  if (found.size !== artifact.digest.bytes) throw new BackupError("OBJECT_DAMAGED", `Cannot store "${path}": the sealed file has ${found.size} bytes instead of ${artifact.digest.bytes}`);
  try {
    await link(artifact.path, path);
    return true;
  } catch (error) {
    if (["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

async function copyIn(artifact: Artifact, path: string, call: CallOptions): Promise<void> {
  const temporary = join(dirname(path), `${temporaryPrefix}${randomText(10)}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await copyInto(file, artifact, path, call);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function copyInto(file: FileHandle, artifact: Artifact, path: string, call: CallOptions): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of artifact.open() as AsyncIterable<Buffer>) {
    call.signal?.throwIfAborted();
    hash.update(chunk);
    await file.writeFile(chunk);
    bytes += chunk.length;
    call.progress?.(chunk.length);
  }
  if (!sameDigest({ sha256: hash.digest("hex"), bytes }, artifact.digest)) {
    throw new BackupError("OBJECT_DAMAGED", `Cannot store "${path}": the bytes that arrived are not those that were announced`);
  }
}

/** Makes missing folders 0700, and every name on the way durable. */
async function makeFolders(root: string, folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length && made.startsWith(root); made = dirname(made)) await syncFolder(dirname(made));
}

/** Temporary files of a killed process; a day is longer than any copy takes. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(temporaryPrefix)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > temporaryLifeMs) await rm(path, { force: true });
  }
}

/** Files below a folder, dot names left out, folders that cannot hold the prefix not entered. */
async function* walk(folder: string, prefix: string): AsyncGenerator<string> {
  const [head, ...rest] = prefix.split("/");
  for await (const entry of await opendir(folder)) {
    if (entry.name.startsWith(".")) continue;
    if (rest.length > 0 ? entry.name !== head : !entry.name.startsWith(head ?? "")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path, rest.join("/"));
    else if (entry.isFile() && rest.length === 0) yield path;
  }
}

/** The folders that a deletion emptied, up to the destination's own; another may be putting something in just now. */
async function removeEmpty(root: string, folder: string): Promise<void> {
  for (let empty = folder; empty.startsWith(root + sep); empty = dirname(empty)) {
    try {
      await rmdir(empty);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOENT") return;
      throw error;
    }
  }
  await syncFolder(root);
}
