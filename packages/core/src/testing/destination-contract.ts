import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { bytesArtifact } from "../bytes/artifact.ts";
import { parseObjectKey, type ObjectKey } from "../model/object-key.ts";
import type { Artifact, Destination, StoredObject } from "../ports/destination.ts";

/** A law that every destination keeps. Give each case a destination of its own, empty. */
export interface DestinationCase {
  readonly name: string;
  run(destination: Destination): Promise<void>;
}

const key = (text: string): ObjectKey => parseObjectKey(text);

async function listed(destination: Destination, prefix = ""): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of destination.list(prefix)) found.push(object);
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** An artifact that announces one thing and delivers another. */
function lying(announced: Uint8Array, delivered: () => Readable): Artifact {
  return { digest: bytesArtifact(announced).digest, open: delivered };
}

async function refuses(destination: Destination, artifact: Artifact): Promise<void> {
  await destination.put(key("first"), bytesArtifact(Buffer.from("1")));
  await assert.rejects(destination.put(key("a/broken"), artifact));
  assert.deepEqual((await listed(destination)).map((object) => object.key), ["first"]);
  await assert.rejects(destination.stat(key("a/broken")), { code: "OBJECT_NOT_FOUND" });
  await destination.put(key("a/broken"), bytesArtifact(Buffer.from("whole")));
  assert.equal(String(await buffer(await destination.get(key("a/broken")))), "whole");
}

const sizes = [0, 1, 65_536, 5 * 1024 * 1024 + 1];

/** The published suite: a loop over it is a driver's test. */
export const destinationContract: readonly DestinationCase[] = [
  ...sizes.map((size) => ({
    name: `gives back ${size} bytes exactly`,
    async run(destination: Destination): Promise<void> {
      const bytes = randomBytes(size);
      let moved = 0;
      const stored = await destination.put(key("db/set/part"), bytesArtifact(bytes), { progress: (more) => { moved += more; } });
      assert.equal(stored.bytes, size);
      assert.equal(moved, size, "progress adds up to the size");
      assert.deepEqual(await buffer(await destination.get(key("db/set/part"))), bytes);
      assert.equal((await destination.stat(key("db/set/part"))).bytes, size);
    },
  })),
  {
    name: "reads ranges",
    async run(destination) {
      const bytes = randomBytes(200_000);
      await destination.put(key("part"), bytesArtifact(bytes));
      assert.deepEqual(await buffer(await destination.get(key("part"), { offset: 199_990 })), bytes.subarray(199_990));
      assert.deepEqual(await buffer(await destination.get(key("part"), { offset: 10, length: 70_000 })), bytes.subarray(10, 70_010));
    },
  },
  {
    name: "never overwrites",
    async run(destination) {
      await destination.put(key("part"), bytesArtifact(Buffer.from("old")));
      await assert.rejects(destination.put(key("part"), bytesArtifact(Buffer.from("new"))), { code: "OBJECT_EXISTS" });
      assert.equal(String(await buffer(await destination.get(key("part")))), "old");
    },
  },
  {
    name: "says OBJECT_NOT_FOUND for what is not there",
    async run(destination) {
      await destination.put(key("a/there"), bytesArtifact(Buffer.from("x")));
      await assert.rejects(destination.get(key("a/absent")).then((stream) => buffer(stream)), { code: "OBJECT_NOT_FOUND" });
      await assert.rejects(destination.stat(key("b/absent")), { code: "OBJECT_NOT_FOUND" });
    },
  },
  {
    name: "deletes, also what is not there",
    async run(destination) {
      await destination.put(key("a/b/c"), bytesArtifact(Buffer.from("x")));
      await destination.put(key("a/d"), bytesArtifact(Buffer.from("y")));
      await destination.delete(key("a/b/c"));
      await destination.delete(key("a/b/c"));
      await destination.delete(key("never/was"));
      assert.deepEqual((await listed(destination)).map((object) => object.key), ["a/d"]);
    },
  },
  {
    name: "lists by prefix, all of it",
    async run(destination) {
      const keys = Array.from({ length: 300 }, (_, index) => key(`db${index % 3}/set${index}/part`));
      for (const one of keys) await destination.put(one, bytesArtifact(Buffer.from(one)));
      assert.equal((await listed(destination)).length, 300);
      assert.equal((await listed(destination, "db1/")).length, 100);
      assert.deepEqual((await listed(destination, "db2/set5/")).map(({ key: found, bytes }) => [found, bytes]), [["db2/set5/part", 14]]);
      assert.deepEqual(await listed(destination, "db9/"), []);
    },
  },
  {
    name: "keeps nothing of a stream that breaks",
    run: (destination) =>
      refuses(destination, lying(randomBytes(300_000), () => Readable.from((function* () { yield randomBytes(100_000); throw new Error("cut"); })()))),
  },
  { name: "keeps nothing of too few bytes", run: (destination) => refuses(destination, lying(randomBytes(300_000), () => Readable.from([randomBytes(299_999)]))) },
  { name: "keeps nothing of too many bytes", run: (destination) => refuses(destination, lying(randomBytes(1000), () => Readable.from([randomBytes(1001)]))) },
  { name: "keeps nothing of other bytes", run: (destination) => refuses(destination, lying(randomBytes(1000), () => Readable.from([randomBytes(1000)]))) },
  {
    name: "lets exactly one of two win",
    async run(destination) {
      const puts = ["a", "b", "c"].map((text) => destination.put(key("race"), bytesArtifact(Buffer.from(text.repeat(50_000)))));
      const settled = await Promise.allSettled(puts);
      assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
      for (const loser of settled) if (loser.status === "rejected") assert.equal((loser.reason as { code?: string }).code, "OBJECT_EXISTS");
      const text = String(await buffer(await destination.get(key("race"))));
      assert.equal(text, text.slice(0, 1).repeat(50_000));
    },
  },
  {
    name: "stops at an abort and keeps nothing",
    async run(destination) {
      await destination.put(key("first"), bytesArtifact(Buffer.from("1")));
      const controller = new AbortController();
      const slow = lying(randomBytes(1_000_000), () => Readable.from((async function* () {
        for (let chunk = 0; chunk < 10; chunk += 1) {
          yield randomBytes(100_000);
          if (chunk === 3) controller.abort(new Error("enough"));
          await new Promise((go) => setTimeout(go, 5));
        }
      })()));
      await assert.rejects(destination.put(key("slow"), slow, { signal: controller.signal }), /enough/);
      assert.deepEqual((await listed(destination)).map((object) => object.key), ["first"]);
    },
  },
];
