import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { diskError } from "../host/durable-file.ts";
import type { Digest } from "../model/digest.ts";
import type { CallOptions } from "../ports/destination.ts";

/**
 * Writes a stream into a new file (0600) and syncs it; the digest is taken in the stream, before the disk has seen a byte.
 * @throws DISK_FULL, or whatever the stream throws; the file then holds a part, and is the caller's to remove
 */
export async function writeStream(
  source: Readable,
  path: string,
  options: CallOptions = {},
): Promise<Digest> {
  const file = await open(path, "wx", 0o600);
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
      await file.writev([chunk]).then(({ bytesWritten }) => writeRest(file, chunk, bytesWritten));
      bytes += chunk.length;
      options.progress?.(chunk.length);
    }
    await file.sync();
    return { sha256: hash.digest("hex"), bytes };
  } catch (error) {
    throw diskError(error, `write "${path}"`);
  } finally {
    await file.close();
  }
}

/** A nearly full disk takes part of a chunk; the next attempt then tells why. */
async function writeRest(
  file: Awaited<ReturnType<typeof open>>,
  chunk: Buffer,
  written: number,
): Promise<void> {
  if (written < chunk.length) await file.writeFile(chunk.subarray(written));
}
