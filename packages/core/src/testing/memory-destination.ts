import { createHash } from "node:crypto";
import { addAbortSignal, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { BackupError } from "../errors.ts";
import { systemClock } from "../host/system-clock.ts";
import type { ObjectKey } from "../model/object-key.ts";
import type { Destination, StoredObject } from "../ports/destination.ts";
import { artifactOf, cut } from "./artifact-of.ts";

/** A destination that forgets: for tests, and as the shortest example of the contract. */
export function memoryDestination(name = "memory"): Destination {
  const clock = systemClock();
  const objects = new Map<ObjectKey, { readonly bytes: Buffer; readonly modifiedAt: Date }>();
  const found = (key: ObjectKey): { readonly bytes: Buffer; readonly modifiedAt: Date } => {
    const object = objects.get(key);
    if (!object)
      throw new BackupError("OBJECT_NOT_FOUND", `Cannot read "${key}": "${name}" has no such object`);
    return object;
  };
  const stored = (key: ObjectKey): StoredObject => ({
    key,
    bytes: found(key).bytes.length,
    modifiedAt: found(key).modifiedAt,
  });
  const refuseExisting = (key: ObjectKey): void => {
    if (objects.has(key))
      throw new BackupError("OBJECT_EXISTS", `Cannot store "${key}": "${name}" has it already`);
  };
  return {
    name,
    concurrency: 4,
    async put(key, artifact, options) {
      options?.signal?.throwIfAborted();
      refuseExisting(key);
      const source = artifact.open();
      if (options?.signal) addAbortSignal(options.signal, source);
      const hash = createHash("sha256");
      const chunks: Buffer[] = [];
      for await (const chunk of source as AsyncIterable<Buffer>) {
        hash.update(chunk);
        chunks.push(chunk);
        options?.progress?.(chunk.length);
      }
      options?.signal?.throwIfAborted();
      const bytes = Buffer.concat(chunks);
      if (bytes.length !== artifact.digest.bytes || hash.digest("hex") !== artifact.digest.sha256) {
        throw new BackupError("OBJECT_DAMAGED", `Cannot store "${key}": the bytes differ from their digest`);
      }
      refuseExisting(key);
      objects.set(key, { bytes, modifiedAt: clock.now() });
      return stored(key);
    },
    async get(key, options): Promise<Readable> {
      options?.signal?.throwIfAborted();
      const { bytes } = found(key);
      const stream = artifactOf(cut(bytes, options)).open();
      options?.progress?.(cut(bytes, options).length);
      return options?.signal ? addAbortSignal(options.signal, stream) : stream;
    },
    async stat(key, options) {
      options?.signal?.throwIfAborted();
      return stored(key);
    },
    async *list(prefix, options) {
      for (const key of objects.keys()) {
        options?.signal?.throwIfAborted();
        if (key.startsWith(prefix) && objects.has(key)) yield stored(key);
      }
    },
    async delete(key, options) {
      options?.signal?.throwIfAborted();
      objects.delete(key);
    },
    async close() {},
  };
}

/** Bytes of an object, for assertions. */
export async function readObject(destination: Destination, key: ObjectKey): Promise<Buffer> {
  return await buffer(await destination.get(key));
}
