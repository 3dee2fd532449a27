import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { Digest } from "../model/digest.ts";
import type { Artifact } from "../ports/destination.ts";

/** A finished file on this machine. */
export function fileArtifact(path: string, digest: Digest): Artifact {
  return {
    digest,
    path,
    open: (range) =>
      createReadStream(path, {
        highWaterMark: 1 << 18,
        ...(range && { start: range.offset }),
        ...(range?.length !== undefined && { end: range.offset + range.length - 1 }),
      }),
  };
}

/** Few bytes held in memory. */
export function bytesArtifact(bytes: Uint8Array): Artifact {
  return {
    digest: { sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length },
    open: (range) => {
      const start = range?.offset ?? 0;
      return Readable.from(
        [Buffer.from(bytes.subarray(start, range?.length === undefined ? undefined : start + range.length))],
        { objectMode: false },
      );
    },
  };
}
