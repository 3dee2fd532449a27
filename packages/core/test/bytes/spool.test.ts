import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { recoverSpool } from "../../src/bytes/spool.ts";

it("clears leftovers that never were a backup, and leaves one of a newer version to it", async () => {
  const spool = await mkdtemp(join(tmpdir(), "spool-"));
  for (const name of ["unsealed", "unreadable", "newer"]) await mkdir(join(spool, name));
  await writeFile(join(spool, "unreadable", "manifest.json"), "half a mani");
  await writeFile(join(spool, "newer", "manifest.json"), '{"version": 2}');
  expect(await recoverSpool(spool)).toEqual([]);
  expect(await readdir(spool)).toEqual(["newer"]);
});
