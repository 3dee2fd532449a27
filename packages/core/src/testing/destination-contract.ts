import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { asBackupError, BackupError } from "../errors.ts";
import { randomText } from "../host/random.ts";
import { type ObjectKey, parseObjectKey } from "../model/object-key.ts";
import type { Artifact, ByteRange, CallOptions, Destination } from "../ports/destination.ts";
import { artifactOf } from "./artifact-of.ts";

/** One thing that every destination does. `run` rejects with an AssertionError where it does not. */
export interface DestinationCase {
  readonly name: string;
  /** Works in a folder of its own, `contract-<random>/`, and leaves nothing behind: safe on a destination in use. */
  run(destination: Destination): Promise<void>;
}

const mebibyte = 1024 * 1024;

/** What `Destination` promises, as data: loop over it in any test framework. */
export const destinationContract: readonly DestinationCase[] = [
  ...[0, 1, 65_537, 5 * mebibyte].map((size) =>
    contractCase(`stores and reads back ${size} bytes exactly`, async (destination, key) => {
      const bytes = randomBytes(size);
      const before = await listed(destination, key("x"));
      assert.deepEqual(before, []);
      const put = await destination.put(key("x"), artifactOf(bytes));
      assert.equal(put.key, key("x"));
      assert.equal(put.bytes, size);
      assert.ok(
        put.modifiedAt instanceof Date && !Number.isNaN(put.modifiedAt.getTime()),
        "modifiedAt is a time",
      );
      assert.ok(
        bytes.equals(await read(destination, key("x"))),
        "the bytes read differ from the bytes stored",
      );
      const stat = await destination.stat(key("x"));
      assert.deepEqual({ key: stat.key, bytes: stat.bytes }, { key: key("x"), bytes: size });
      assert.deepEqual(await listed(destination, key("x")), [key("x")]);
    }),
  ),
  contractCase("reads ranges", async (destination, key) => {
    const bytes = randomBytes(300_000);
    await destination.put(key("x"), artifactOf(bytes));
    for (const [offset, length] of [
      [0, 0],
      [0, 1],
      [1, 70_000],
      [299_999, 1],
      [100_000, undefined],
      [0, 300_000],
      [299_990, 500],
      [300_000, undefined],
    ] as const) {
      const range = { offset, ...(length !== undefined && { length }) };
      const expected = bytes.subarray(offset, length === undefined ? undefined : offset + length);
      assert.ok(
        expected.equals(await read(destination, key("x"), range)),
        `the range ${offset}+${length ?? "rest"} differs`,
      );
    }
  }),
  contractCase("never overwrites", async (destination, key) => {
    await destination.put(key("x"), artifactOf("first"));
    await rejects(destination.put(key("x"), artifactOf("second")), "OBJECT_EXISTS");
    await rejects(destination.put(key("x"), artifactOf("first")), "OBJECT_EXISTS");
    assert.equal(String(await read(destination, key("x"))), "first");
  }),
  contractCase("says OBJECT_NOT_FOUND for what is not there", async (destination, key) => {
    await rejects(destination.stat(key("missing")), "OBJECT_NOT_FOUND");
    await rejects(destination.get(key("deep/missing/object")), "OBJECT_NOT_FOUND");
    await destination.put(key("x"), artifactOf("x"));
    await rejects(destination.stat(key("x/below")), "OBJECT_NOT_FOUND");
    await rejects(read(destination, key("missing")), "OBJECT_NOT_FOUND");
  }),
  contractCase("a folder is no object", async (destination, key) => {
    await destination.put(key("folder/x"), artifactOf("x"));
    await rejects(destination.stat(key("folder")), "OBJECT_NOT_FOUND");
    await rejects(read(destination, key("folder")), "OBJECT_NOT_FOUND");
  }),
  contractCase("deletes, again and again", async (destination, key) => {
    await destination.delete(key("never/there"));
    await destination.put(key("a/x"), artifactOf("x"));
    await destination.put(key("a/y"), artifactOf("y"));
    await destination.delete(key("a/x"));
    await destination.delete(key("a/x"));
    await rejects(destination.stat(key("a/x")), "OBJECT_NOT_FOUND");
    assert.deepEqual(await listed(destination, key("a/")), [key("a/y")]);
    await destination.put(key("a/x"), artifactOf("again"));
    assert.equal(String(await read(destination, key("a/x"))), "again");
  }),
  contractCase("lists by prefix, at any depth", async (destination, key) => {
    const names = ["a/1", "a/2", "a/b/c/d", "ab/1", "b.json", "B.json", "x_y-z.tar.zst"];
    for (const name of names) await destination.put(key(name), artifactOf(name));
    const expect = async (prefix: string): Promise<void> => {
      const found = await listed(destination, key(prefix));
      assert.deepEqual(
        found,
        names
          .filter((name) => name.startsWith(prefix))
          .map(key)
          .sort(),
      );
    };
    for (const prefix of ["a/", "a", "a/b/", "a/b/c/d", "b", "x_y-z.tar.zst", "nothing", "nothing/at/all"])
      await expect(prefix);
    assert.deepEqual(await listed(destination, key("a").slice(0, -1)), names.map(key).sort());
  }),
  contractCase("a prefix cannot leave the destination", async (destination) => {
    assert.deepEqual(await listed(destination, "../"), []);
    assert.deepEqual(await listed(destination, "/etc/"), []);
  }),
  ...damaged("fails midway", (bytes) => failing(bytes, new BackupError("BUG", "the stream broke")), ["BUG"]),
  ...damaged("is truncated", (bytes) => chunked(bytes.subarray(0, bytes.length - 1)), ["OBJECT_DAMAGED"]),
  ...damaged("is empty", () => chunked(Buffer.alloc(0)), ["OBJECT_DAMAGED"]),
  ...damaged("is too long", (bytes) => chunked(Buffer.concat([bytes, Buffer.from("!")])), ["OBJECT_DAMAGED"]),
  ...damaged("differs in one bit", (bytes) => chunked(flipped(bytes)), ["OBJECT_DAMAGED"]),
  contractCase("of concurrent puts of one key exactly one wins", async (destination, key) => {
    const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(100_000 + index, index + 1));
    const results = await Promise.allSettled(
      contents.map((bytes) => destination.put(key("deep/contested"), artifactOf(bytes))),
    );
    const winners = results.flatMap((result, index) => (result.status === "fulfilled" ? [index] : []));
    assert.equal(winners.length, 1, `${winners.length} puts of 8 succeeded`);
    for (const result of results)
      if (result.status === "rejected") assert.equal(asBackupError(result.reason).code, "OBJECT_EXISTS");
    assert.ok(
      contents[winners[0] ?? -1]?.equals(await read(destination, key("deep/contested"))),
      "the winner's bytes are not what is stored",
    );
    assert.deepEqual(await listed(destination, key("")), [key("deep/contested")]);
  }),
  contractCase("an aborted put leaves nothing", async (destination, key) => {
    const over = new AbortController();
    const reason = new BackupError("CANCELLED", "Cannot go on: cancelled");
    const bytes = randomBytes(mebibyte);
    const hanging: Artifact = {
      digest: artifactOf(bytes).digest,
      open: () => endless(bytes.subarray(0, 200_000)),
    };
    const put = destination.put(key("x"), hanging, { signal: over.signal });
    put.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    over.abort(reason);
    await assert.rejects(put);
    await assert.rejects(destination.put(key("y"), artifactOf("y"), { signal: over.signal }));
    assert.deepEqual(await listed(destination, key("")), []);
    await destination.put(key("x"), artifactOf(bytes));
    assert.ok(bytes.equals(await read(destination, key("x"))));
  }),
  contractCase("every call honours a signal", async (destination, key) => {
    await destination.put(key("x"), artifactOf("x"));
    const signal = AbortSignal.abort(new BackupError("CANCELLED", "Cannot go on: cancelled"));
    await assert.rejects(destination.stat(key("x"), { signal }));
    await assert.rejects(read(destination, key("x"), { signal }));
    await assert.rejects(listed(destination, key(""), { signal }));
    await assert.rejects(destination.delete(key("x"), { signal }));
    assert.deepEqual(await listed(destination, key("")), [key("x")]);
  }),
  contractCase("progress adds up to the size", async (destination, key) => {
    for (const size of [0, 1, 3_000_000]) {
      const moved = { put: 0, get: 0 };
      const bytes = randomBytes(size);
      await destination.put(key(`x${size}`), artifactOf(bytes), {
        progress: (count) => (moved.put += count),
      });
      await read(destination, key(`x${size}`), { progress: (count) => (moved.get += count) });
      assert.deepEqual(moved, { put: size, get: size });
    }
  }),
  contractCase("a listing while something is written shows whole objects only", async (destination, key) => {
    const contents = Array.from({ length: 6 }, (_, index) => randomBytes(400_000 + index));
    let writing = true;
    const writer = Promise.all(
      contents.map((bytes, index) => destination.put(key(`set${index}/x`), slowly(bytes))),
    ).finally(() => (writing = false));
    while (writing) {
      // A destination in memory never waits: without a pause the writer would get no turn.
      await new Promise((resolve) => setTimeout(resolve, 1));
      for await (const object of destination.list(key(""))) {
        const index = Number(/set(\d)/.exec(object.key)?.[1]);
        assert.equal(object.bytes, contents[index]?.length, `"${object.key}" was listed before it was whole`);
        assert.ok(
          contents[index]?.equals(await read(destination, object.key)),
          `"${object.key}" was readable before it was whole`,
        );
      }
    }
    await writer;
    assert.equal((await listed(destination, key(""))).length, contents.length);
  }),
  contractCase("lists many objects", async (destination, key) => {
    const names = Array.from({ length: 300 }, (_, index) => `set${index % 30}/object${index}`);
    const waiting = names.values();
    const worker = async (): Promise<void> => {
      for (const name of waiting) await destination.put(key(name), artifactOf(name));
    };
    await Promise.all(Array.from({ length: destination.concurrency }, worker));
    assert.deepEqual(await listed(destination, key("")), names.map(key).sort());
  }),
  contractCase("a stream that nobody reads to its end can be given up", async (destination, key) => {
    await destination.put(key("x"), artifactOf(randomBytes(2 * mebibyte)));
    for (let round = 0; round < 5; round += 1) {
      const stream = await destination.get(key("x"));
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
    }
    assert.equal((await read(destination, key("x"))).length, 2 * mebibyte);
  }),
];

type KeyOf = (name: string) => ObjectKey;

function contractCase(
  name: string,
  body: (destination: Destination, key: KeyOf) => Promise<void>,
): DestinationCase {
  return {
    name,
    async run(destination) {
      const folder = `contract-${randomText(8)}/`;
      try {
        // An empty name stands for the whole folder, which is a prefix and no key.
        await body(destination, (inner) =>
          isPrefix(inner) ? ((folder + inner) as ObjectKey) : parseObjectKey(folder + inner),
        );
      } finally {
        for await (const { key } of destination.list(folder)) await destination.delete(key);
      }
    },
  };
}

function isPrefix(name: string): boolean {
  return name === "" || name.endsWith("/");
}

function damaged(
  what: string,
  open: (bytes: Buffer) => Readable,
  codes: readonly string[],
): readonly DestinationCase[] {
  return [
    contractCase(`a put whose stream ${what} leaves nothing`, async (destination, key) => {
      const bytes = randomBytes(500_000);
      await assert.rejects(
        destination.put(key("a/x"), { digest: artifactOf(bytes).digest, open: () => open(bytes) }),
        (error) => codes.includes(asBackupError(error).code) || assert.fail(`rejected with ${String(error)}`),
      );
      assert.deepEqual(await listed(destination, key("")), []);
      await rejects(destination.stat(key("a/x")), "OBJECT_NOT_FOUND");
      await destination.put(key("a/x"), artifactOf(bytes));
      assert.ok(
        bytes.equals(await read(destination, key("a/x"))),
        "the second attempt stored something else",
      );
    }),
  ];
}

async function rejects(promise: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.equal(asBackupError(error).code, code);
    return true;
  });
}

async function read(
  destination: Destination,
  key: ObjectKey,
  options?: CallOptions & Partial<ByteRange>,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await destination.get(key, options)) as AsyncIterable<Buffer>)
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listed(
  destination: Destination,
  prefix: string,
  options?: CallOptions,
): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of destination.list(prefix, options)) keys.push(key);
  return keys.sort();
}

function chunked(bytes: Buffer): Readable {
  return artifactOf(bytes).open();
}

function failing(bytes: Buffer, error: Error): Readable {
  return Readable.from(
    (async function* () {
      yield bytes.subarray(0, bytes.length / 2);
      throw error;
    })(),
    { objectMode: false },
  );
}

/** Delivers some bytes and then waits for ever; destroying it ends the wait. */
function endless(bytes: Buffer): Readable {
  let given = false;
  return new Readable({
    read() {
      if (given) return;
      given = true;
      this.push(bytes);
    },
  });
}

function slowly(bytes: Buffer): Artifact {
  return {
    digest: artifactOf(bytes).digest,
    open: () =>
      Readable.from(
        (async function* () {
          for (let offset = 0; offset < bytes.length; offset += 65_536) {
            yield bytes.subarray(offset, offset + 65_536);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        })(),
        { objectMode: false },
      ),
  };
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
