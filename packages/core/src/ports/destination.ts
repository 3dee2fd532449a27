import type { Readable } from "node:stream";
import type { Digest } from "../model/digest.ts";
import type { ObjectKey } from "../model/object-key.ts";

/** Finished bytes, readable as often as needed: for a retry, a resume, a digest. */
export interface Artifact {
  readonly digest: Digest;
  /** Where they lie as a regular file on this machine; never changed, never moved. */
  readonly path?: string;
  /** `offset` and `length` in bytes. */
  open(range?: ByteRange): Readable;
}

export interface ByteRange {
  readonly offset: number;
  readonly length?: number;
}

export interface StoredObject {
  readonly key: ObjectKey;
  readonly bytes: number;
  /** When it became complete, by the destination's clock. */
  readonly modifiedAt: Date;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes moved since the last call. */
  readonly progress?: (bytes: number) => void;
}

/**
 * A flat, durable store of write-once objects; it knows nothing of backups.
 * Every implementation passes `destinationContract` of `@restorable/core/testing`.
 */
export interface Destination {
  /** Unique in a configuration. */
  readonly name: string;
  /** Calls it can serve at once. */
  readonly concurrency: number;
  /**
   * Store. All or nothing, and durable when it resolves: a reader sees the whole object or none.
   * @throws OBJECT_EXISTS rather than overwrite
   * @throws OBJECT_DAMAGED when the bytes differ from `artifact.digest`
   * @throws DISK_FULL, DESTINATION_UNAVAILABLE
   */
  put(key: ObjectKey, artifact: Artifact, options?: CallOptions): Promise<StoredObject>;
  /** @throws OBJECT_NOT_FOUND */
  get(key: ObjectKey, options?: CallOptions & Partial<ByteRange>): Promise<Readable>;
  /** @throws OBJECT_NOT_FOUND */
  stat(key: ObjectKey, options?: CallOptions): Promise<StoredObject>;
  /** Every object whose key starts with `prefix`, in any order; never a partial one; rejects rather than end early. */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject>;
  /** Idempotent: deleting what is not there succeeds. */
  delete(key: ObjectKey, options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}

/** Optional power: the destination is a folder of this machine, so that a sealed file can be taken by hard link. */
export interface LocalFolder {
  /** Absolute path of the folder; the spool goes into `<folder>/.spool`. */
  readonly folder: string;
  /** Absolute path of a stored object's file. */
  pathOf(key: ObjectKey): string;
}

export function isLocalFolder(destination: Destination): destination is Destination & LocalFolder {
  return "folder" in destination && typeof destination.folder === "string" && "pathOf" in destination;
}

/** Optional power: the destination knows its free space. */
export interface Capacity {
  /** Bytes. */
  capacity(options?: CallOptions): Promise<{ readonly free: number; readonly total: number }>;
}

export function hasCapacity(destination: Destination): destination is Destination & Capacity {
  return "capacity" in destination && typeof destination.capacity === "function";
}
