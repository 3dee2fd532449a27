import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { pipeline, Readable, Transform } from "node:stream";
import type { ByteRange, CallOptions } from "@restorable/core";

/** Up to here a file is read at once: a manifest needs no stream machinery, and a catalog reads ten thousand of them. */
const smallBytes = 65_536;

/**
 * Opens a regular file, or a range of it, as a stream. A symbolic link is not followed, and a pipe not waited for.
 * Opened without a promise: measured over ten thousand manifests, that halves the time of a catalog.
 * @returns undefined when it is no regular file
 * @throws what open(2) says: ENOENT, ELOOP, EACCES …
 */
export function readFileRange(path: string, options: CallOptions & Partial<ByteRange>): Readable | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  let handedOver = false;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return undefined;
    const start = Math.min(options.offset ?? 0, stats.size);
    const end = Math.min(options.length === undefined ? stats.size : start + options.length, stats.size);
    if (end - start <= smallBytes) return whole(fd, start, end - start, options.progress);
    handedOver = true;
    const stream = createReadStream("", {
      fd,
      start,
      end: end - 1,
      highWaterMark: 1 << 18,
      ...(options.signal && { signal: options.signal }),
    });
    return options.progress ? counted(stream, options.progress) : stream;
  } finally {
    if (!handedOver) closeSync(fd);
  }
}

function whole(fd: number, start: number, length: number, progress?: (bytes: number) => void): Readable {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, bytes, filled, length - filled, start + filled);
    if (read === 0) break;
    filled += read;
  }
  if (filled > 0) progress?.(filled);
  return Readable.from(filled > 0 ? [bytes.subarray(0, filled)] : [], { objectMode: false });
}

function counted(source: Readable, progress: (bytes: number) => void): Readable {
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      progress(chunk.length);
      done(null, chunk);
    },
  });
  // The reader sees a failure on the stream it holds; there is nobody else to tell.
  return pipeline(source, meter, () => undefined);
}
