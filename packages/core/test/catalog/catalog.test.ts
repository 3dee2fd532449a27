import { describe, expect, it } from "vitest";
import { findSet, readCatalog } from "../../src/catalog/catalog.ts";
import { removeSet } from "../../src/catalog/remove-set.ts";
import { BackupError } from "../../src/errors.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { keyOf, parseObjectKey } from "../../src/model/object-key.ts";
import { serialiseManifest } from "../../src/model/parse-manifest.ts";
import type { Destination } from "../../src/ports/destination.ts";
import { artifactOf, faultyDestination, memoryDestination } from "../../src/testing/index.ts";
import { partBytes, partName, sampleManifest } from "./sample-set.ts";

const at = (day: number): Date => new Date(Date.UTC(2026, 9, day, 2));

async function put(
  destination: Destination,
  manifest: Manifest,
  objects: Readonly<Record<string, Uint8Array | string>> = {},
): Promise<void> {
  const all = {
    [partName]: partBytes,
    "RESTORE.md": "how",
    "manifest.json": serialiseManifest(manifest),
    ...objects,
  };
  for (const [name, bytes] of Object.entries(all))
    if (bytes !== "absent") await destination.put(keyOf(manifest.id, name), artifactOf(bytes));
}

describe("readCatalog", () => {
  it("tells the sets, newest first, and leaves what is not ours alone", async () => {
    const destination = memoryDestination();
    for (const day of [2, 3, 1]) await put(destination, sampleManifest(at(day)));
    await put(destination, sampleManifest(at(4), "aaaa", "blog"));
    for (const key of [
      "notes.txt",
      "shop/readme",
      "shop/other_20261001_020000_aaaa/manifest.json",
      "shop/shop_20261001_020000_aaaa/deep/manifest.json",
    ]) {
      await destination.put(parseObjectKey(key), artifactOf("foreign"));
    }
    const { sets, orphans } = await readCatalog(destination, { database: "shop" });
    expect(sets.map(({ id }) => id)).toEqual([
      "shop_20261003_020000_aaaa",
      "shop_20261002_020000_aaaa",
      "shop_20261001_020000_aaaa",
    ]);
    expect(orphans).toEqual([]);
    expect(sets[0]).toMatchObject({
      database: "shop",
      createdAt: at(3),
      pinned: false,
      proofs: [],
      manifest: { database: "shop" },
    });
    expect(sets[0]?.objects).toHaveLength(3);
    expect(sets[0]?.bytes).toBe(partBytes.length + 3 + serialiseManifest(sampleManifest(at(3))).length);
    expect(sets[0]).not.toHaveProperty("problem");
    expect((await readCatalog(destination)).sets).toHaveLength(4);
  });

  it.each<{ name: string; objects: Readonly<Record<string, Uint8Array | string>>; problem: RegExp }>([
    {
      name: "a part is missing",
      objects: { [partName]: "absent" },
      problem: /"shop_db_backup.custom.zst" is missing/,
    },
    {
      name: "a part is shorter",
      objects: { [partName]: partBytes.subarray(1) },
      problem: /has 38 bytes, and the manifest says 39/,
    },
    {
      name: "the manifest is no JSON",
      objects: { "manifest.json": "{" },
      problem: /^MANIFEST_INVALID: .*no JSON/,
    },
    {
      name: "the manifest is of tomorrow's program",
      objects: { "manifest.json": '{"version":2}' },
      problem: /^MANIFEST_TOO_NEW: .*version 2/,
    },
    {
      name: "the manifest is of another set",
      objects: { "manifest.json": serialiseManifest(sampleManifest(at(9), "bbbb")) },
      problem: /^MANIFEST_INVALID: .*shop_20261009_020000_bbbb/,
    },
    {
      name: "the manifest is huge",
      objects: { "manifest.json": Buffer.alloc(5_000_000, " ") },
      problem: /^MANIFEST_INVALID: .*5000000 bytes/,
    },
  ])("says so when $name", async ({ objects, problem }) => {
    const destination = memoryDestination();
    await put(destination, sampleManifest(at(1)), objects);
    const [set] = (await readCatalog(destination)).sets;
    expect(set?.problem).toMatch(problem);
    expect(set?.createdAt).toEqual(at(1));
  });

  it("reads proofs and pins from names", async () => {
    const destination = memoryDestination();
    await put(destination, sampleManifest(at(1)), {
      "proof-drill-passed-20261002_030405.json": "{}",
      "proof-checksum-failed-20261003_030405.json": "{}",
      "proof-magic-passed-20261003_030405.json": "{}",
      "pin.json": "{}",
    });
    const [set] = (await readCatalog(destination)).sets;
    expect(set?.pinned).toBe(true);
    expect(set?.proofs).toEqual([
      { level: "drill", passed: true, at: new Date("2026-10-02T03:04:05Z") },
      { level: "checksum", passed: false, at: new Date("2026-10-03T03:04:05Z") },
    ]);
  });

  it("tells objects without a manifest apart", async () => {
    const destination = memoryDestination();
    await put(destination, sampleManifest(at(1)), { "manifest.json": "absent" });
    const { sets, orphans } = await readCatalog(destination);
    expect(sets).toEqual([]);
    expect(orphans).toMatchObject([
      { id: "shop_20261001_020000_aaaa", database: "shop", bytes: partBytes.length + 3 },
    ]);
  });

  it("rejects rather than tell half", async () => {
    const inner = memoryDestination();
    for (const day of [1, 2, 3]) await put(inner, sampleManifest(at(day)));
    const error = new BackupError("DESTINATION_UNAVAILABLE", "Cannot read: gone");
    for (const when of ["before", "after"] as const) {
      for (const failOnCall of [1, 2, 3, 4]) {
        await expect(readCatalog(faultyDestination(inner, { failOnCall, error, when }))).rejects.toBe(error);
      }
    }
    expect((await readCatalog(faultyDestination(inner, { failOnCall: 5, error }))).sets).toHaveLength(3);
  });

  it("takes a manifest that vanished meanwhile for removed", async () => {
    const inner = memoryDestination();
    await put(inner, sampleManifest(at(1)));
    const error = new BackupError("OBJECT_NOT_FOUND", "Cannot read: removed");
    const { sets, orphans } = await readCatalog(faultyDestination(inner, { failOnCall: 2, error }));
    expect([sets.length, orphans.length]).toEqual([0, 1]);
  });
});

describe("findSet", () => {
  const catalogOf = async (): Promise<Awaited<ReturnType<typeof readCatalog>>> => {
    const destination = memoryDestination();
    for (const day of [1, 2, 3, 12]) await put(destination, sampleManifest(at(day)));
    await put(destination, sampleManifest(at(13)), { "proof-checksum-failed-20261103_030405.json": "{}" });
    await put(destination, sampleManifest(at(14)), { [partName]: "short" });
    return await readCatalog(destination);
  };

  it.each([
    ["latest", "shop_20261012_020000_aaaa"],
    ["shop_20261002_020000_aaaa", "shop_20261002_020000_aaaa"],
    ["shop_20261003", "shop_20261003_020000_aaaa"],
    ["shop_20261014_020000_aaaa", "shop_20261014_020000_aaaa"],
  ])("finds %s", async (wanted, id) => {
    expect(findSet(await catalogOf(), wanted).id).toBe(id);
  });

  it.each([
    ["", /no such backup/],
    ["shop_2026101", /3 backups begin so/],
    ["shop_20261099", /no such backup/],
  ])('refuses "%s" with suggestions', async (wanted, message) => {
    const catalog = await catalogOf();
    expect(() => findSet(catalog, wanted)).toThrow(
      expect.objectContaining({
        code: "BACKUP_NOT_FOUND",
        message: expect.stringMatching(message),
        hint: expect.stringContaining("shop_2026101"),
      }),
    );
  });

  it("knows no latest where nothing can be relied on", async () => {
    expect(() => findSet({ sets: [], orphans: [] }, "latest")).toThrow(
      expect.objectContaining({ code: "BACKUP_NOT_FOUND" }),
    );
  });
});

describe("removeSet", () => {
  it("removes the manifest first, and finishes what was interrupted", async () => {
    const inner = memoryDestination();
    await put(inner, sampleManifest(at(1)));
    const [set] = (await readCatalog(inner)).sets;
    if (!set) throw new Error("there is a set");
    const error = new Error("cut");
    await expect(removeSet(faultyDestination(inner, { failOnCall: 2, error }), set)).rejects.toBe(error);
    expect(await readCatalog(inner)).toMatchObject({ sets: [], orphans: [{ objects: { length: 2 } }] });
    await removeSet(inner, set);
    expect(await readCatalog(inner)).toEqual({ sets: [], orphans: [] });
  });
});
