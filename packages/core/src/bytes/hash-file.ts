import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Digest } from "../model/digest.ts";
import type { CallOptions } from "../ports/destination.ts";

/** Digest of a file's bytes, read from disk through one reused buffer: memory stays the same at any size. */
export async function hashFile(path: string, options: CallOptions = {}): Promise<Digest> {
  const file = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafeSlow(1 << 20);
    let bytes = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      options.progress?.(bytesRead);
    }
  } finally {
    await file.close();
  }
}
