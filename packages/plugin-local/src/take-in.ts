import { createHash } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { addAbortSignal } from "node:stream";
import { type Artifact, BackupError, type CallOptions, randomText, sameDigest } from "@restorable/core";
import { codeOf } from "./local-errors.ts";

/** Begins with a dot, and so can be no key: a listing never shows it. */
export const temporaryPrefix = ".partial-";

const noLinks: readonly (string | undefined)[] = [
  "EXDEV",
  "EPERM",
  "EMLINK",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
];

/**
 * Takes the artifact's own file by hard link: atomic, no copy, and never over another. Its bytes are those that verification
 * has read from this very file; only the size is compared here. The caller syncs the folder.
 * @returns false where it has to be copied
 * @throws EEXIST; OBJECT_DAMAGED when the file has another size than its digest says
 */
export async function takeLink(artifact: Artifact, path: string, options: CallOptions): Promise<boolean> {
  if (artifact.path === undefined) return false;
  const found = await lstat(artifact.path).catch(() => undefined);
  // A link shares owner and mode with the original, and a link to a symbolic link would be no file at all.
  if (!found?.isFile() || (found.mode & 0o077) !== 0) return false;
  if (found.size !== artifact.digest.bytes)
    throw damaged(path, `the sealed file has ${found.size} bytes instead of ${artifact.digest.bytes}`);
  try {
    await link(artifact.path, path);
  } catch (error) {
    if (noLinks.includes(codeOf(error))) return false;
    throw error;
  }
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  options.progress?.(found.size);
  return true;
}

/**
 * Copies under a temporary name beside the final one, compares the digest taken on the way, syncs, then links to the final
 * name. Nothing stays of a failure. The caller syncs the folder.
 * @throws EEXIST; OBJECT_DAMAGED; whatever the artifact's stream throws
 */
export async function takeCopy(artifact: Artifact, path: string, options: CallOptions): Promise<void> {
  const temporary = join(dirname(path), temporaryPrefix + randomText(12));
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await copyInto(file, artifact, path, options);
      await file.sync();
    } finally {
      await file.close();
    }
    options.signal?.throwIfAborted();
    await publish(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function copyInto(
  file: FileHandle,
  artifact: Artifact,
  path: string,
  options: CallOptions,
): Promise<void> {
  const source = artifact.open();
  let sourceError: unknown;
  source.once("error", (error) => (sourceError = error));
  if (options.signal) addAbortSignal(options.signal, source);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > artifact.digest.bytes)
        throw damaged(path, `more than ${artifact.digest.bytes} bytes arrived`);
      hash.update(chunk);
      await file.writeFile(chunk);
      options.progress?.(chunk.length);
    }
  } catch (error) {
    // A spool that cannot be read is not this disk's fault.
    if (
      error === sourceError &&
      codeOf(error) !== undefined &&
      !options.signal?.aborted &&
      !(error instanceof BackupError)
    ) {
      throw damaged(path, `its bytes cannot be read: ${(error as Error).message}`, error);
    }
    throw error;
  }
  options.signal?.throwIfAborted();
  if (bytes !== artifact.digest.bytes)
    throw damaged(path, `${bytes} bytes arrived instead of ${artifact.digest.bytes}`);
  if (!sameDigest({ sha256: hash.digest("hex"), bytes }, artifact.digest))
    throw damaged(path, "other bytes arrived than were announced");
}

/** Where the file system has no links, a look and a rename must do: runs hold a lock, and ids never repeat. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (!noLinks.includes(codeOf(error))) throw error;
    if (await lstat(path).catch(() => undefined))
      throw Object.assign(new Error(`"${path}" exists`), { code: "EEXIST" });
    await rename(temporary, path);
  }
}

function damaged(path: string, reason: string, cause?: unknown): BackupError {
  return new BackupError("OBJECT_DAMAGED", `Cannot store "${path}": ${reason}`, { cause });
}
