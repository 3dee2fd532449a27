import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Artifact,
  fileArtifact,
  hasCapacity,
  isLocalFolder,
  type ObjectKey,
  parseObjectKey,
  readCatalog,
} from "@restorable/core";
import { artifactOf, destinationContract, faultyDestination, readObject } from "@restorable/core/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { localDestination } from "../src/local-destination.ts";
import { localError } from "../src/local-errors.ts";
import { otherFileSystem } from "./mount.ts";

const key = (text: string): ObjectKey => parseObjectKey(text);
let base: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "restorable-local-"));
});
afterAll(() => rm(base, { recursive: true, force: true }));
beforeEach(() => {
  count += 1;
  folder = join(base, String(count), "backups");
});
const local = (): ReturnType<typeof localDestination> => localDestination({ name: "local", folder });

async function sealed(
  bytes: Buffer,
  name = "sealed",
  at = join(base, `spool${count}`),
): Promise<Artifact & { readonly path: string }> {
  await mkdir(at, { recursive: true, mode: 0o700 });
  const path = join(at, name);
  await writeFile(path, bytes, { mode: 0o600 });
  return {
    ...fileArtifact(path, { sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length }),
    path,
  };
}

async function everything(at: string): Promise<string[]> {
  return (await readdir(at, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("localDestination keeps the contract", () => {
  for (const { name, run } of destinationContract) {
    it(name, async () => {
      await mkdir(folder, { recursive: true });
      await run(local());
      expect(await readdir(folder)).toEqual([]);
    });
  }
  for (const { name, run } of destinationContract) {
    it(`behind faultyDestination without a fault: ${name}`, async () => {
      await mkdir(folder, { recursive: true });
      const faulty = faultyDestination(local(), { failOnCall: 0, error: new Error("never") });
      expect(isLocalFolder(faulty) && hasCapacity(faulty)).toBe(true);
      await run(faulty);
    });
  }
});

describe("taking a sealed file", () => {
  it("links it: one file, two names", async () => {
    const artifact = await sealed(randomBytes(100_000));
    let moved = 0;
    const put = await local().put(key("shop/set/part"), artifact, { progress: (bytes) => (moved += bytes) });
    const stored = await stat(local().pathOf(key("shop/set/part")));
    expect(stored.ino).toBe((await stat(artifact.path)).ino);
    expect([put.bytes, moved, stored.nlink]).toEqual([100_000, 100_000, 2]);
    await rm(artifact.path);
    expect((await readObject(local(), key("shop/set/part"))).length).toBe(100_000);
  });

  it("never over another, not even by link", async () => {
    const artifact = await sealed(Buffer.from("second"));
    await local().put(key("x"), artifactOf("first"));
    await expect(local().put(key("x"), artifact)).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    expect(String(await readObject(local(), key("x")))).toBe("first");
  });

  it("copies what a link would expose, and what is a symbolic link", async () => {
    const open = await sealed(Buffer.from("open to all"), "open");
    await chmod(open.path, 0o644);
    await local().put(key("open"), open);
    const real = await sealed(Buffer.from("real"), "real");
    const pointer = join(base, `pointer${count}`);
    await symlink(real.path, pointer);
    await local().put(key("pointed"), { ...real, path: pointer });
    for (const name of ["open", "pointed"]) {
      const stored = await lstat(join(folder, name));
      expect([stored.isFile(), stored.mode & 0o777, stored.nlink]).toEqual([true, 0o600, 1]);
    }
  });

  it("refuses a file that is not as long as its digest says", async () => {
    const artifact = await sealed(Buffer.from("shorter than announced"));
    await expect(
      local().put(key("x"), { ...artifact, digest: { ...artifact.digest, bytes: 5 } }),
    ).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
    expect(await everything(folder)).toEqual([]);
  });

  it("tells a spool that is gone from a destination that is", async () => {
    const artifact = await sealed(Buffer.from("gone"));
    await rm(artifact.path);
    await expect(local().put(key("x"), artifact)).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
  });
});

describe("modes", () => {
  it("folders 0700, files 0600, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      await local().put(key("shop/set/part"), artifactOf("x"));
      await local().put(key("shop/set/sealed"), await sealed(Buffer.from("y")));
    } finally {
      process.umask(before);
    }
    for (const part of ["", "shop", "shop/set"])
      expect((await stat(join(folder, part))).mode & 0o777).toBe(0o700);
    for (const part of ["part", "sealed"])
      expect((await stat(join(folder, "shop/set", part))).mode & 0o777).toBe(0o600);
  });
});

describe("another file system", () => {
  it("is reached by a copy, compared on the way", async () => {
    const other = await otherFileSystem(16 << 20);
    try {
      const bytes = randomBytes(3_000_000);
      const artifact = await sealed(bytes, "sealed", join(other.folder, "spool"));
      let moved = 0;
      await local().put(key("shop/set/part"), artifact, { progress: (count_) => (moved += count_) });
      expect((await readFile(join(folder, "shop/set/part"))).equals(bytes)).toBe(true);
      expect([moved, (await stat(join(folder, "shop/set/part"))).nlink]).toEqual([3_000_000, 1]);
      await expect(
        local().put(key("shop/set/bad"), { ...artifact, digest: artifactOf(randomBytes(3_000_000)).digest }),
      ).rejects.toMatchObject({ code: "OBJECT_DAMAGED" });
      expect(await everything(folder)).toEqual([join(folder, "shop/set/part")]);
    } finally {
      await other.remove();
    }
  });

  it("that is full says DISK_FULL, keeps what it has and nothing of what did not fit", async () => {
    const other = await otherFileSystem(2 << 20);
    try {
      const destination = localDestination({ name: "small", folder: other.folder });
      await destination.put(key("shop/set1/part"), artifactOf(randomBytes(1_000_000)));
      if (other.limited) {
        await expect(
          destination.put(key("shop/set2/part"), artifactOf(randomBytes(3_000_000))),
        ).rejects.toMatchObject({ code: "DISK_FULL" });
      } else {
        // Who may not mount cannot fill a disk of his own: then only the translation is tried.
        const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
        expect(localError(full, "store")).toMatchObject({ code: "DISK_FULL" });
      }
      expect((await Array.fromAsync(destination.list(""))).map((object) => object.key)).toEqual([
        "shop/set1/part",
      ]);
      expect(await everything(other.folder)).toEqual([join(other.folder, "shop/set1/part")]);
      await destination.put(key("shop/set2/part"), artifactOf(randomBytes(500_000)));
      const { free, total } = await destination.capacity();
      expect(free).toBeLessThan(total);
    } finally {
      await other.remove();
    }
  });
});

describe("what a crash leaves", () => {
  it("is not listed, and is swept after a day", async () => {
    const destination = local();
    await destination.put(key("shop/dead/part"), artifactOf("x"));
    await destination.delete(key("shop/dead/part"));
    await mkdir(join(folder, "shop/dead"), { recursive: true });
    const [old, young] = [join(folder, "shop/dead/.partial-old"), join(folder, ".partial-young")];
    for (const path of [old, young]) await writeFile(path, "half");
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(old, yesterday, yesterday);
    expect(await Array.fromAsync(destination.list(""))).toEqual([]);
    await local().put(key("shop/set/part"), artifactOf("x"));
    expect((await everything(folder)).sort()).toEqual([young, join(folder, "shop/set/part")].sort());
    expect(await readdir(join(folder, "shop"))).toEqual(["set"]);
  });

  it("in the spool is left alone", async () => {
    const path = join(folder, ".spool/run/.partial-old");
    await mkdir(join(folder, ".spool/run"), { recursive: true });
    await writeFile(path, "half");
    await utimes(path, new Date(0), new Date(0));
    await local().put(key("x"), artifactOf("x"));
    expect(await everything(folder)).toContain(path);
    expect((await Array.fromAsync(local().list(""))).map((object) => object.key)).toEqual(["x"]);
  });
});

describe("a folder that is not there", () => {
  it("is made by put, and is no empty store for anybody else", async () => {
    const calls = [
      local().stat(key("a/b")),
      local().get(key("a/b")),
      Array.fromAsync(local().list("")),
      local().delete(key("a/b")),
      local().capacity(),
    ];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: "rejected", reason: { code: "DESTINATION_UNAVAILABLE" } });
    await local().put(key("a/b"), artifactOf("x"));
    expect(await local().stat(key("a/b"))).toMatchObject({ bytes: 1 });
  });

  it("nor can be made where a file stands", async () => {
    await mkdir(join(folder, ".."), { recursive: true });
    await writeFile(folder, "a file");
    await expect(local().put(key("a/b"), artifactOf("x"))).rejects.toMatchObject({
      code: "DESTINATION_UNAVAILABLE",
    });
    await expect(Array.fromAsync(local().list(""))).rejects.toMatchObject({
      code: "DESTINATION_UNAVAILABLE",
    });
  });
});

describe("listing and deleting", () => {
  it("leaves symbolic links and foreign names alone", async () => {
    await local().put(key("shop/a"), artifactOf("x"));
    await symlink("/etc/passwd", join(folder, "shop/link"));
    await symlink("/etc", join(folder, "shop/etc"));
    await writeFile(join(folder, "shop/with space"), "x");
    expect((await Array.fromAsync(local().list(""))).map((object) => object.key)).toEqual(["shop/a"]);
    await expect(local().stat(key("shop/link"))).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
    await expect(local().get(key("shop/link"))).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
  });

  it("removes folders that became empty, never the destination's own", async () => {
    await local().put(key("shop/set/a"), artifactOf("x"));
    await local().put(key("shop/other/a"), artifactOf("x"));
    await local().delete(key("shop/set/a"));
    expect(await readdir(join(folder, "shop"))).toEqual(["other"]);
    await local().delete(key("shop/other/a"));
    expect(await readdir(folder)).toEqual([]);
  });

  it("puts beside deletions of the same folder, again and again", async () => {
    const destination = local();
    for (let round = 0; round < 40; round += 1) {
      await destination.put(key("shop/set/old"), artifactOf("x"));
      await Promise.all([
        destination.delete(key("shop/set/old")),
        destination.put(key("shop/set/new"), artifactOf("y")),
        destination.put(key("shop/set/sealed"), await sealed(Buffer.from("z"), `s${round}`)),
      ]);
      expect(String(await readObject(destination, key("shop/set/new")))).toBe("y");
      await destination.delete(key("shop/set/new"));
      await destination.delete(key("shop/set/sealed"));
    }
  });

  it("gives descriptors back, whether a stream was read, left or cut", async () => {
    const destination = local();
    await destination.put(key("x"), artifactOf(randomBytes(1_000_000)));
    const open = async (): Promise<number> => (await readdir("/proc/self/fd")).length;
    const before = await open();
    for (let round = 0; round < 30; round += 1) {
      const over = new AbortController();
      const left = await destination.get(key("x"), { progress: () => undefined });
      left.destroy();
      await once(left, "close");
      const cut = await destination.get(key("x"), { signal: over.signal });
      cut.on("error", () => undefined);
      const closed = new Promise((resolve) => cut.once("close", resolve));
      over.abort();
      await closed;
      await (await destination.get(key("x"), { offset: 5, length: 0 })).toArray();
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await open()).toBeLessThan(before + 5);
  });
});

describe("many sets", () => {
  it("are all in the catalog", async () => {
    const { sampleManifestText } = await import("./sample-manifest.ts");
    for (let index = 0; index < 1000; index += 1) {
      const { id, text } = sampleManifestText(new Date(Date.UTC(2020, 0, 1) + index * 3_600_000));
      const at = join(folder, "shop", id);
      await mkdir(at, { recursive: true, mode: 0o700 });
      await Promise.all([
        writeFile(join(at, "part"), "x"),
        writeFile(join(at, "RESTORE.md"), "x"),
        writeFile(join(at, "manifest.json"), text),
      ]);
    }
    const { sets } = await readCatalog(local(), { database: "shop" });
    expect(sets.filter(({ problem }) => problem === undefined)).toHaveLength(1000);
  });
});
