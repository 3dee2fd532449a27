import { createHash } from "node:crypto";
import { readCatalog } from "../catalog/catalog.ts";
import { removeSet } from "../catalog/remove-set.ts";
import { planRotation } from "../catalog/retention.ts";
import { asBackupError, BackupError } from "../errors.ts";
import type { EventDraft } from "../events.ts";
import { sameDigest } from "../model/digest.ts";
import { type Manifest, manifestName, restoreGuideName } from "../model/manifest.ts";
import { keyOf, type ObjectKey } from "../model/object-key.ts";
import type { Artifact, Destination } from "../ports/destination.ts";
import type { Plugin, RunContext, Storage } from "./plugin.ts";

/** Any destination as a plugin: uploading is the reaction to `verified`, rotating is the reaction to `uploaded`. */
export function storagePlugin(storage: Storage): Plugin {
  const { destination } = storage;
  return {
    storage: [storage],
    on: {
      async *verified({ manifest }, context): AsyncGenerator<EventDraft> {
        await store(destination, manifest, context);
        yield { type: "uploaded", manifest, destination: destination.name };
      },
      async *uploaded(event, context): AsyncGenerator<EventDraft> {
        if (event.destination === destination.name && context.kind === "backup") yield await rotate(storage, event.manifest.database, context);
      },
    },
    close: () => destination.close(),
  };
}

/** Parts, each then seen at its size; RESTORE.md; the manifest last, so that nothing partial is ever a backup. */
async function store(destination: Destination, manifest: Manifest, context: RunContext): Promise<void> {
  for (const { name } of manifest.parts) await storeObject(destination, keyOf(manifest.id, name), context);
  await storeObject(destination, keyOf(manifest.id, restoreGuideName), context);
  await storeObject(destination, keyOf(manifest.id, manifestName), context);
}

async function storeObject(destination: Destination, key: ObjectKey, context: RunContext): Promise<void> {
  const artifact = context.artifact(key);
  try {
    await destination.put(key, artifact, { signal: context.signal, progress: (bytes) => context.progress(bytes) });
  } catch (error) {
    if (asBackupError(error).code !== "OBJECT_EXISTS" || !(await holds(destination, key, artifact, context))) throw error;
  }
  const { bytes } = await destination.stat(key, { signal: context.signal });
  if (bytes !== artifact.digest.bytes) {
    throw new BackupError("OBJECT_DAMAGED", `Cannot trust "${key}" on "${destination.name}": it has ${bytes} bytes instead of ${artifact.digest.bytes}`);
  }
}

/** Already there means: a digest of the destination's own bytes is equal, never a size alone. */
async function holds(destination: Destination, key: ObjectKey, artifact: Artifact, context: RunContext): Promise<boolean> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of (await destination.get(key, { signal: context.signal })) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    context.progress(0);
  }
  return sameDigest({ sha256: hash.digest("hex"), bytes }, artifact.digest);
}

async function rotate({ destination, retention }: Storage, database: string, context: RunContext): Promise<EventDraft> {
  const catalog = await readCatalog(destination, { database, signal: context.signal });
  const plan = planRotation(catalog.sets, retention, context.clock.now());
  if (plan.refused) throw new BackupError("CLOCK_BEHIND", `Cannot rotate "${destination.name}": ${plan.refused}`);
  const removed = plan.remove.map(({ id }) => id);
  for (const set of catalog.sets.filter(({ id }) => removed.includes(id))) {
    await removeSet(destination, set, { signal: context.signal });
    context.progress(0);
  }
  return { type: "rotated", destination: destination.name, removed, kept: plan.keep.length };
}
