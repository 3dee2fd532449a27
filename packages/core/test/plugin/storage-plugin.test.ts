import { describe, expect, it } from "vitest";
import { readCatalog } from "../../src/catalog/catalog.ts";
import { BackupError } from "../../src/errors.ts";
import type { EventDraft, LifecycleEvent } from "../../src/events.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { keyOf, type ObjectKey } from "../../src/model/object-key.ts";
import { serialiseManifest } from "../../src/model/parse-manifest.ts";
import type { RunKind } from "../../src/model/run-report.ts";
import type { Reaction, RunContext } from "../../src/plugin/plugin.ts";
import { storagePlugin } from "../../src/plugin/storage-plugin.ts";
import { store } from "../../src/plugin/store.ts";
import type { Artifact, Destination } from "../../src/ports/destination.ts";
import { silentLogger } from "../../src/ports/logger.ts";
import { artifactOf, faultyDestination, memoryDestination, readObject } from "../../src/testing/index.ts";
import { partBytes, partName, sampleManifest } from "../catalog/sample-set.ts";

const now = new Date("2026-11-24T12:00:00Z");
const day = 86_400_000;
const retention = { days: 30, max: 14, minimum: 2 };

function twoParts(at: Date): Manifest {
  const manifest = sampleManifest(at);
  const [dump] = manifest.parts;
  if (!dump) throw new Error("a sample has a part");
  return {
    ...manifest,
    parts: [
      dump,
      {
        ...dump,
        role: "globals",
        name: "globals.sql",
        format: "text",
        stages: [],
        stored: artifactOf("globals").digest,
      },
    ],
  };
}

function contextOf(
  manifest: Manifest,
  options: { readonly kind?: RunKind; readonly now?: Date; readonly moved?: (bytes: number) => void } = {},
): RunContext {
  const spool = new Map<ObjectKey, Artifact>([
    [keyOf(manifest.id, partName), artifactOf(partBytes)],
    [keyOf(manifest.id, "globals.sql"), artifactOf("globals")],
    [keyOf(manifest.id, "RESTORE.md"), artifactOf("how to")],
    [keyOf(manifest.id, "manifest.json"), artifactOf(serialiseManifest(manifest))],
  ]);
  return {
    signal: new AbortController().signal,
    kind: options.kind ?? "backup",
    clock: { now: () => options.now ?? now, monotonicMs: () => 0, sleep: async () => undefined },
    log: silentLogger,
    progress: (bytes) => options.moved?.(bytes),
    artifact(key) {
      const found = spool.get(key);
      if (!found) throw new BackupError("OBJECT_NOT_FOUND", `Cannot read "${key}": not sealed`);
      return found;
    },
  };
}

const stamp = { runId: "r", sequence: 1, at: now.toISOString() };

async function react(
  destination: Destination,
  event: LifecycleEvent,
  context: RunContext,
): Promise<EventDraft[]> {
  const reaction = storagePlugin({ destination, retention }).on?.[event.type] as Reaction | undefined;
  return await Array.fromAsync((reaction?.(event, context) ?? []) as AsyncIterable<EventDraft>);
}
const verified = (manifest: Manifest): LifecycleEvent => ({ ...stamp, type: "verified", manifest });
const uploaded = (manifest: Manifest, destination = "memory"): LifecycleEvent => ({
  ...stamp,
  type: "uploaded",
  manifest,
  destination,
});
const keysOf = async (destination: Destination): Promise<string[]> =>
  (await Array.fromAsync(destination.list(""))).map(({ key }) => key);

/** A whole set of some days ago. */
async function putOld(destination: Destination, days: number): Promise<Manifest> {
  const manifest = twoParts(new Date(now.getTime() - days * day));
  await store(destination, manifest, contextOf(manifest));
  return manifest;
}

describe("storing", () => {
  it("puts parts, RESTORE.md and the manifest last, and says so", async () => {
    const destination = memoryDestination();
    const manifest = twoParts(now);
    let moved = 0;
    expect(
      await react(
        destination,
        verified(manifest),
        contextOf(manifest, { moved: (bytes) => (moved += bytes) }),
      ),
    ).toEqual([{ type: "uploaded", manifest, destination: "memory" }]);
    const names = [partName, "globals.sql", "RESTORE.md", "manifest.json"];
    expect(await keysOf(destination)).toEqual(names.map((name) => keyOf(manifest.id, name)));
    expect(moved).toBe(partBytes.length + 7 + 6 + serialiseManifest(manifest).length);
  });

  it.each(["before", "after"] as const)(
    "never leaves a manifest without all parts, whichever call fails (%s its work), and can be done again",
    async (when) => {
      const error = new BackupError("DESTINATION_UNAVAILABLE", "Cannot reach it: gone");
      const manifest = twoParts(now);
      for (let failOnCall = 1; failOnCall <= 8; failOnCall += 1) {
        const inner = memoryDestination();
        await expect(
          react(
            faultyDestination(inner, { failOnCall, error, when }),
            verified(manifest),
            contextOf(manifest),
          ),
        ).rejects.toBe(error);
        for (const set of (await readCatalog(inner)).sets) expect(set.problem).toBeUndefined();
        expect(await react(inner, verified(manifest), contextOf(manifest))).toHaveLength(1);
        expect((await readCatalog(inner)).sets[0]?.objects).toHaveLength(4);
      }
      const whole = faultyDestination(memoryDestination(), { failOnCall: 9, error, when });
      expect(await react(whole, verified(manifest), contextOf(manifest))).toHaveLength(1);
      expect(whole.calls).toBe(8);
    },
  );

  it("takes what is there for done only when its bytes are equal", async () => {
    const destination = memoryDestination();
    const manifest = twoParts(now);
    const impostor = Buffer.from(partBytes);
    impostor[3] = 0;
    await destination.put(keyOf(manifest.id, partName), artifactOf(impostor));
    await expect(react(destination, verified(manifest), contextOf(manifest))).rejects.toMatchObject({
      code: "OBJECT_EXISTS",
    });
    expect(await readObject(destination, keyOf(manifest.id, partName))).toEqual(impostor);
    expect((await readCatalog(destination)).sets).toEqual([]);
  });

  it("believes no destination that shows another size", async () => {
    const inner = memoryDestination();
    const manifest = twoParts(now);
    const destination: Destination = {
      ...inner,
      stat: async (key) => ({ ...(await inner.stat(key)), bytes: 1 }),
    };
    await expect(react(destination, verified(manifest), contextOf(manifest))).rejects.toMatchObject({
      code: "OBJECT_DAMAGED",
    });
    expect((await readCatalog(inner)).sets).toEqual([]);
  });
});

describe("rotating", () => {
  it("removes what retention says, whole, and tells what", async () => {
    const destination = memoryDestination();
    for (const days of [40, 35, 20]) await putOld(destination, days);
    const today = await putOld(destination, 0);
    const [rotated] = await react(destination, uploaded(today), contextOf(today));
    expect(rotated).toMatchObject({
      type: "rotated",
      destination: "memory",
      kept: 2,
      removed: [expect.stringContaining("20261020"), expect.stringContaining("20261015")],
    });
    const { sets, orphans } = await readCatalog(destination);
    expect([sets.length, orphans.length]).toEqual([2, 0]);
  });

  it("leaves other databases, other destinations and recoveries alone", async () => {
    const destination = memoryDestination();
    for (const days of [40, 35, 34]) await putOld(destination, days);
    const today = await putOld(destination, 0);
    const before = await keysOf(destination);
    expect(await react(destination, uploaded(today, "elsewhere"), contextOf(today))).toEqual([]);
    expect(await react(destination, uploaded(today), contextOf(today, { kind: "recovery" }))).toEqual([]);
    expect(await keysOf(destination)).toEqual(before);
  });

  it("refuses when the clock stands before the newest backup, and removes nothing", async () => {
    const destination = memoryDestination();
    for (const days of [40, 35, 20]) await putOld(destination, days);
    const today = await putOld(destination, 0);
    const before = await keysOf(destination);
    await expect(
      react(destination, uploaded(today), contextOf(today, { now: new Date(now.getTime() - day) })),
    ).rejects.toMatchObject({ code: "CLOCK_BEHIND" });
    expect(await keysOf(destination)).toEqual(before);
  });

  it("does not mind a server's clock that runs a minute ahead", async () => {
    const destination = memoryDestination();
    const today = await putOld(destination, 0);
    expect(
      await react(destination, uploaded(today), contextOf(today, { now: new Date(now.getTime() - 60_000) })),
    ).toMatchObject([{ kept: 1, removed: [] }]);
  });

  it("refuses when the list lacks what was just stored", async () => {
    const destination = memoryDestination();
    for (const days of [40, 35, 20]) await putOld(destination, days);
    const before = await keysOf(destination);
    const today = twoParts(now);
    await expect(react(destination, uploaded(today), contextOf(today))).rejects.toMatchObject({
      code: "DESTINATION_UNAVAILABLE",
    });
    expect(await keysOf(destination)).toEqual(before);
  });

  it("leaves every other set whole, whichever call fails", async () => {
    const error = new BackupError("DESTINATION_UNAVAILABLE", "Cannot reach it: gone");
    for (const when of ["before", "after"] as const) {
      for (let failOnCall = 1; failOnCall <= 13; failOnCall += 1) {
        const inner = memoryDestination();
        for (const days of [40, 35, 20]) await putOld(inner, days);
        const today = await putOld(inner, 0);
        await expect(
          react(faultyDestination(inner, { failOnCall, error, when }), uploaded(today), contextOf(today)),
        ).rejects.toBe(error);
        const { sets } = await readCatalog(inner);
        expect(sets.length).toBeGreaterThanOrEqual(2);
        for (const set of sets) expect(set.problem).toBeUndefined();
        await react(inner, uploaded(today), contextOf(today));
        expect((await readCatalog(inner)).sets).toHaveLength(2);
      }
    }
  });
});
