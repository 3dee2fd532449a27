import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { bytesArtifact } from "../bytes/artifact.ts";
import { BackupError } from "../errors.ts";
import { sameDigest } from "../model/digest.ts";
import type { ObjectKey } from "../model/object-key.ts";
import type { Destination, StoredObject } from "../ports/destination.ts";

/** A destination in memory, true to the contract: for tests of everything above. */
export function memoryDestination(name = "memory"): Destination {
  const objects = new Map<ObjectKey, { bytes: Buffer; modifiedAt: Date }>();
  const find = (key: ObjectKey): StoredObject & { readonly content: Buffer } => {
    const found = objects.get(key);
    if (!found) throw new BackupError("OBJECT_NOT_FOUND", `Cannot find "${key}" on "${name}": there is no such object`);
    return { key, bytes: found.bytes.length, modifiedAt: found.modifiedAt, content: found.bytes };
  };
  return {
    name,
    concurrency: 4,
    async put(key, artifact, call = {}) {
      const chunks: Buffer[] = [];
      for await (const chunk of artifact.open() as AsyncIterable<Buffer>) {
        call.signal?.throwIfAborted();
        chunks.push(chunk);
        call.progress?.(chunk.length);
      }
      const bytes = Buffer.concat(chunks);
      if (!sameDigest(bytesArtifact(bytes).digest, artifact.digest)) throw new BackupError("OBJECT_DAMAGED", `Cannot store "${key}": other bytes arrived than were announced`);
      if (objects.has(key)) throw new BackupError("OBJECT_EXISTS", `Cannot store "${key}" on "${name}": the object exists already`);
      objects.set(key, { bytes, modifiedAt: new Date() });
      return find(key);
    },
    async get(key, call = {}) {
      const start = call.offset ?? 0;
      const content = find(key).content.subarray(start, call.length === undefined ? undefined : start + call.length);
      return Readable.from(content.length > 0 ? [content] : [], { objectMode: false });
    },
    stat: async (key) => find(key),
    async *list(prefix) {
      for (const key of objects.keys()) if (key.startsWith(prefix)) yield find(key);
    },
    async delete(key) {
      objects.delete(key);
    },
    close: async () => {},
  };
}

/** Bytes of an object, for assertions. */
export async function readObject(destination: Destination, key: ObjectKey): Promise<Buffer> {
  return await buffer(await destination.get(key));
}
