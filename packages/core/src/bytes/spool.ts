import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { BackupError } from "../errors.ts";
import { folderBytes, freeBytes, privateFolder, writeDurably } from "../host/durable-file.ts";
import type { BackupId } from "../model/backup-id.ts";
import { type Manifest, manifestName, type Part, restoreGuideName } from "../model/manifest.ts";
import { keyOf, type ObjectKey } from "../model/object-key.ts";
import { parseManifest, serialiseManifest } from "../model/parse-manifest.ts";
import type { Clock } from "../ports/clock.ts";
import type { Artifact } from "../ports/destination.ts";
import { bytesArtifact, fileArtifact } from "./artifact.ts";

/** Where one set waits until every required destination has it: one folder a run, 0700. */
export interface SpoolFolder {
  readonly folder: string;
  pathOf(name: string): string;
  /** A sub-folder for work that never leaves, removed with the spool folder. */
  scratch(name: string): Promise<string>;
  /** Make finished parts readable as artifacts. */
  hold(parts: readonly Part[]): void;
  /** Make the set complete: from now on a crash is recovered from here, instead of cleaned away. */
  seal(manifest: Manifest, restoreGuide: string): Promise<void>;
  /** @throws OBJECT_NOT_FOUND */
  artifact(key: ObjectKey): Artifact;
  remove(): Promise<void>;
}

export async function spoolFolder(spool: string, id: BackupId): Promise<SpoolFolder> {
  return openSpoolFolder(await privateFolder(join(spool, id)), id);
}

/** The sealed leftovers of killed runs; folders without a manifest that can be read are removed: their backup never existed. One of a newer version waits for it. */
export async function recoverSpool(
  spool: string,
): Promise<readonly { readonly set: SpoolFolder; readonly manifest: Manifest }[]> {
  const leftovers = [];
  for (const entry of await readdir(spool, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = join(spool, entry.name);
    const manifest = await readFile(join(folder, manifestName))
      .then(parseManifest)
      .catch((error: unknown) => (isTooNew(error) ? "too new" : undefined));
    if (manifest === "too new") continue;
    if (!manifest) {
      await rm(folder, { recursive: true, force: true });
      continue;
    }
    const set = openSpoolFolder(folder, manifest.id);
    set.hold(manifest.parts);
    await set.seal(manifest, await readFile(join(folder, restoreGuideName), "utf8"));
    leftovers.push({ set, manifest });
  }
  return leftovers;
}

function isTooNew(error: unknown): boolean {
  return error instanceof BackupError && error.code === "MANIFEST_TOO_NEW";
}

function openSpoolFolder(folder: string, id: BackupId): SpoolFolder {
  const artifacts = new Map<ObjectKey, Artifact>();
  /** As a file, so that a local destination links it like any part, and no cut-off copy of it can stay behind. */
  const holdBytes = async (name: string, bytes: Uint8Array): Promise<void> => {
    const path = join(folder, name);
    await writeDurably(path, bytes);
    artifacts.set(keyOf(id, name), fileArtifact(path, bytesArtifact(bytes).digest));
  };
  return {
    folder,
    pathOf: (name) => join(folder, name),
    scratch: (name) => privateFolder(join(folder, name)),
    hold(parts) {
      for (const part of parts)
        artifacts.set(keyOf(id, part.name), fileArtifact(join(folder, part.name), part.stored));
    },
    async seal(manifest, restoreGuide) {
      await holdBytes(restoreGuideName, Buffer.from(restoreGuide));
      await holdBytes(manifestName, serialiseManifest(manifest));
    },
    artifact(key) {
      const artifact = artifacts.get(key);
      if (!artifact)
        throw new BackupError("OBJECT_NOT_FOUND", `Cannot read "${key}": the spool has no such object`);
      return artifact;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Must be free beside what a run is expected to need, before it starts. */
const reserveBytes = 64 * 1024 * 1024;
/** Below this a run stops itself, before it takes the last byte from everybody else. */
const leastFreeBytes = 8 * 1024 * 1024;

/** @throws DISK_FULL when `wanted` bytes and a reserve do not fit */
export async function requireSpace(folder: string, wanted: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < wanted + reserveBytes) {
    throw new BackupError(
      "DISK_FULL",
      `Cannot start: "${folder}" has ${inMb(free)} MB free, and ${inMb(wanted + reserveBytes)} MB are needed`,
      {
        details: { free, needed: wanted + reserveBytes },
      },
    );
  }
}

/**
 * Looks at a growing folder twice a second: tells how much there is, and calls `full` when hardly any space is left.
 * @returns stops the watch
 */
export function watchSpace(
  clock: Clock,
  folder: string,
  told: { progress(bytes: number): void; full(error: BackupError): void },
): () => void {
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(500, over.signal);
      told.progress(await folderBytes(folder));
      const free = await freeBytes(folder);
      if (free < leastFreeBytes)
        told.full(
          new BackupError("DISK_FULL", `Cannot go on: "${folder}" has only ${inMb(free)} MB free`, {
            details: { free },
          }),
        );
    }
  };
  look().catch(() => undefined);
  return () => over.abort();
}

function inMb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
