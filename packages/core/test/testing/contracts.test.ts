import { describe, expect, it } from "vitest";
import { compressionStages } from "../../src/bytes/compression.ts";
import { BackupError } from "../../src/errors.ts";
import { systemProcesses } from "../../src/host/programs.ts";
import { parseObjectKey } from "../../src/model/object-key.ts";
import type { Destination } from "../../src/ports/destination.ts";
import type { ProcessRunner } from "../../src/ports/process-runner.ts";
import type { Stage } from "../../src/ports/stage.ts";
import {
  artifactOf,
  destinationContract,
  faultyDestination,
  memoryDestination,
  stageContract,
} from "../../src/testing/index.ts";

describe.each<[string, () => Destination]>([
  ["memoryDestination", () => memoryDestination()],
  [
    "faultyDestination without a fault",
    () => faultyDestination(memoryDestination(), { failOnCall: 0, error: new Error("never") }),
  ],
])("%s keeps the contract", (_, make) => {
  for (const { name, run } of destinationContract) it(name, () => run(make()));

  it("and leaves nothing behind", async () => {
    const destination = make();
    for (const { run } of destinationContract) await run(destination);
    expect(await Array.fromAsync(destination.list(""))).toEqual([]);
  });
});

/** Destinations that break one promise each. */
const culprits: Readonly<Record<string, (inner: Destination) => Destination>> = {
  overwrites: (inner) => ({
    ...inner,
    put: async (key, artifact, options) => {
      await inner.delete(key);
      return await inner.put(key, artifact, options);
    },
  }),
  "ignores the digest": (inner) => ({
    ...inner,
    async put(key, artifact, options) {
      const bytes = Buffer.concat(await Array.fromAsync(artifact.open() as AsyncIterable<Buffer>));
      return await inner.put(key, artifactOf(bytes), options);
    },
  }),
  "lists what is partial": (inner) => ({
    ...inner,
    async put(key, artifact, options) {
      const part = parseObjectKey(`${key}.part`);
      await inner.put(part, artifactOf("part"));
      const stored = await inner.put(key, artifact, options);
      await inner.delete(part);
      return stored;
    },
  }),
  "ends a listing early": (inner) => ({
    ...inner,
    async *list(prefix, options) {
      let count = 0;
      for await (const object of inner.list(prefix, options)) {
        count += 1;
        if (count < 100) yield object;
      }
    },
  }),
  "complains of a second deletion": (inner) => ({
    ...inner,
    async delete(key, options) {
      await inner.stat(key);
      await inner.delete(key, options);
    },
  }),
  "ignores offsets": (inner) => ({
    ...inner,
    get: (key, options) => inner.get(key, options?.signal ? { signal: options.signal } : {}),
  }),
  "gives an empty stream for what is missing": (inner) => ({
    ...inner,
    get: (key, options) => inner.get(key, options).catch(() => artifactOf("").open()),
  }),
  "ignores signals": (inner) => ({
    ...inner,
    put: (key, artifact) => inner.put(key, artifact),
    delete: (key) => inner.delete(key),
    list: (prefix) => inner.list(prefix),
  }),
  "reports no progress": (inner) => ({
    ...inner,
    put: (key, artifact, options) =>
      inner.put(key, artifact, options?.signal ? { signal: options.signal } : {}),
  }),
};

describe("destinationContract finds a destination that", () => {
  for (const [name, spoil] of Object.entries(culprits)) {
    it(name, async () => {
      const results = await Promise.allSettled(
        destinationContract.map(({ run }) =>
          Promise.race([
            run(spoil(memoryDestination())),
            new Promise((_, reject) => setTimeout(() => reject(new Error("hangs")), 3000)),
          ]),
        ),
      );
      expect(results.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0);
    });
  }
});

describe("faultyDestination", () => {
  const error = new BackupError("DESTINATION_UNAVAILABLE", "Cannot reach it: gone");
  const key = parseObjectKey("a/b");

  it("fails the n-th call, counts all, and does the work first when told so", async () => {
    const destination = faultyDestination(memoryDestination(), { failOnCall: 2, error, when: "after" });
    await expect(destination.stat(key)).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
    await expect(destination.put(key, artifactOf("x"))).rejects.toBe(error);
    expect(await destination.stat(key)).toMatchObject({ bytes: 1 });
    expect(destination.calls).toBe(3);
  });
});

const processes = systemProcesses();
const withoutPrograms: ProcessRunner = { ...processes, find: async () => undefined };

for (const [how, runner] of [
  ["by program", processes],
  ["by node:zlib", withoutPrograms],
] as const) {
  for (const [name, stage] of await compressionStages(runner)) {
    describe(`${name} ${how} keeps the contract of stages`, () => {
      for (const { name: law, run } of stageContract) it(law, () => run(stage, processes));
    });
  }
}

describe("stageContract finds a stage that", () => {
  const cat = { program: "cat", args: [] };
  const honest: Stage = {
    name: "none",
    completes: "compressed",
    suffix: ".none",
    undoCommand: "cat",
    apply: () => cat,
    undo: () => cat,
  };
  const complaints = async (stage: Stage): Promise<string[]> => {
    const results = await Promise.allSettled(stageContract.map(({ run }) => run(stage, processes)));
    return stageContract.flatMap(({ name }, index) => (results[index]?.status === "rejected" ? [name] : []));
  };

  it("notices no corruption", async () => {
    expect(await complaints(honest)).toEqual([
      "errors on a flipped byte",
      "errors on a truncated input",
      "errors on what it never wrote",
    ]);
  });

  it("gives back something else, or has a name that cannot be written", async () => {
    expect(
      await complaints({ ...honest, suffix: "zst", undo: () => ({ program: "tr", args: ["P", "Q"] }) }),
    ).toEqual(
      expect.arrayContaining([
        "gives back a few bytes",
        "has a name and a suffix that can stand in a manifest and a file name",
      ]),
    );
  });
});
