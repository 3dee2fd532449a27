import { createHash } from "node:crypto";
import { asBackupError, BackupError } from "../errors.ts";
import { sameDigest } from "../model/digest.ts";
import { type Manifest, manifestName, restoreGuideName } from "../model/manifest.ts";
import { keyOf, type ObjectKey } from "../model/object-key.ts";
import type { Artifact, CallOptions, Destination } from "../ports/destination.ts";
import type { RunContext } from "./plugin.ts";

/** What storing needs of a run. */
export type StoreContext = Pick<RunContext, "signal" | "artifact" | "progress">;

/**
 * Puts a whole set: every part (then seen at its size), RESTORE.md, the manifest last. Storing again finishes what was begun.
 * @throws OBJECT_EXISTS when something else lies under a key, OBJECT_DAMAGED, or what the destination throws
 */
export async function store(
  destination: Destination,
  manifest: Manifest,
  context: StoreContext,
): Promise<void> {
  for (const name of [...manifest.parts.map((part) => part.name), restoreGuideName, manifestName]) {
    context.signal.throwIfAborted();
    const key = keyOf(manifest.id, name);
    await storeOne(destination, key, context.artifact(key), {
      signal: context.signal,
      progress: (bytes) => context.progress(bytes),
    });
  }
}

async function storeOne(
  destination: Destination,
  key: ObjectKey,
  artifact: Artifact,
  options: CallOptions,
): Promise<void> {
  try {
    await destination.put(key, artifact, options);
  } catch (error) {
    if (asBackupError(error).code !== "OBJECT_EXISTS") throw error;
    if (!(await holds(destination, key, artifact, options))) throw error;
  }
  const { bytes } = await destination.stat(key, options);
  if (bytes === artifact.digest.bytes) return;
  throw new BackupError(
    "OBJECT_DAMAGED",
    `Cannot rely on "${key}" in "${destination.name}": it has ${bytes} bytes, and ${artifact.digest.bytes} were stored`,
  );
}

/** An earlier attempt's object counts only when the destination's own bytes say so, never by its size alone. */
async function holds(
  destination: Destination,
  key: ObjectKey,
  artifact: Artifact,
  { signal, progress }: CallOptions,
): Promise<boolean> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of (await destination.get(
    key,
    signal ? { signal } : {},
  )) as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.length;
    progress?.(0);
  }
  return sameDigest({ sha256: hash.digest("hex"), bytes }, artifact.digest);
}
