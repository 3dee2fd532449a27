import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Artifact, ByteRange } from "../ports/destination.ts";

/** Bytes in memory as an artifact, delivered in chunks of 64 KiB. */
export function artifactOf(bytes: Uint8Array | string): Artifact {
  const content = Buffer.from(bytes);
  return {
    digest: { sha256: createHash("sha256").update(content).digest("hex"), bytes: content.length },
    open: (range) => Readable.from(chunksOf(cut(content, range)), { objectMode: false }),
  };
}

/** @param range what to leave; everything unless said */
export function cut(bytes: Buffer, range?: Partial<ByteRange>): Buffer {
  const offset = range?.offset ?? 0;
  return bytes.subarray(offset, range?.length === undefined ? undefined : offset + range.length);
}

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) yield bytes.subarray(offset, offset + 65_536);
}
