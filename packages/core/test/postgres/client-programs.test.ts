import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingPostgres, testMajor } from "../../../../test/support/postgres.ts";
import { systemProcesses } from "../../src/host/programs.ts";
import { findClient, findRestoreClient, findServerFolder } from "../../src/postgres/client-programs.ts";

const processes = systemProcesses();
let folder: string;
const at = (majors: readonly number[]): readonly string[] =>
  majors.map((major) => join(folder, String(major)));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "restorable-clients-"));
  for (const major of [13, 14, 15, 16, 17, 18]) {
    const own = join(folder, String(major));
    await mkdir(own);
    for (const name of ["pg_dump", "pg_restore", "psql", "pg_dumpall"])
      await writeFile(
        join(own, name),
        `#!/bin/sh\necho "${name} (PostgreSQL) ${major}.3 (Debian ${major}.3-1)"\n`,
        { mode: 0o755 },
      );
  }
  const wrapped = join(folder, "wrapped");
  await mkdir(wrapped);
  await writeFile(join(wrapped, "pg_wrapper"), '#!/bin/sh\necho "pg_dump (PostgreSQL) 19.1"\n', {
    mode: 0o755,
  });
  for (const name of ["pg_dump", "pg_restore", "psql", "pg_dumpall"])
    await symlink("pg_wrapper", join(wrapped, name));
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  [15, [13, 15, 17], 15],
  [16, [13, 18, 17], 17],
  [13, [16, 14], 14],
])("a server of %i with clients %j is dumped by %i", async (serverMajor, majors, expected) => {
  const client = await findClient({ serverMajor, processes, searchFolders: at(majors) });
  expect(client).toEqual({
    major: expected,
    version: `${expected}.3`,
    folder: join(folder, String(expected)),
    pgDump: join(folder, String(expected), "pg_dump"),
    pgRestore: join(folder, String(expected), "pg_restore"),
    psql: join(folder, String(expected), "psql"),
    pgDumpall: join(folder, String(expected), "pg_dumpall"),
  });
});

test("only older ones, none, or Debian's wrapper: the package is named", async () => {
  await expect(findClient({ serverMajor: 18, processes, searchFolders: at([15, 17]) })).rejects.toMatchObject(
    {
      code: "CLIENT_MISSING",
      message: "Cannot dump PostgreSQL 18: only client programs 15.3, 17.3 are installed",
      hint: "Install the package postgresql-client-18",
      details: { package: "postgresql-client-18" },
    },
  );
  for (const searchFolders of [[], [join(folder, "wrapped")], [join(folder, "absent")]]) {
    await expect(findClient({ serverMajor: 15, processes, searchFolders })).rejects.toMatchObject({
      message: "Cannot dump PostgreSQL 15: no PostgreSQL client programs are installed",
    });
  }
});

test.each([
  [15, 15, [15, 17], 15],
  [13, 15, [13, 15, 18], 15],
  [15, 18, [15, 18], 18],
  [15, 18, [15], 15],
  [16, 15, [15, 16, 17], 16],
  [16, 14, [14, 16], 16],
  [17, 18, [15, 17], 17],
  [18, 17, [17, 18], 18],
  [14, 15, [14, 17], 14],
])(
  "a dump of %i into %i with clients %j is restored by %i",
  async (dumpMajor, targetMajor, majors, expected) => {
    expect(
      (await findRestoreClient({ dumpMajor, targetMajor, processes, searchFolders: at(majors) })).major,
    ).toBe(expected);
  },
);

test.each([
  [
    17,
    15,
    [15, 17, 18],
    /only pg_restore 17 or newer reads it.*servers before 17 reject/,
    "Restore into PostgreSQL 17 or newer",
  ],
  [15, 15, [13, 17], /only client programs 13\.3, 17\.3/, "Install the package postgresql-client-15"],
  [18, 18, [15], /only client programs 15\.3/, "Install the package postgresql-client-18"],
  [16, 13, [13, 17], /only client programs/, "Install the package postgresql-client-16"],
])(
  "a dump of %i into %i with clients %j is refused",
  async (dumpMajor, targetMajor, majors, message, hint) => {
    await expect(
      findRestoreClient({ dumpMajor, targetMajor, processes, searchFolders: at(majors) }),
    ).rejects.toMatchObject({ code: "CLIENT_MISSING", message: expect.stringMatching(message), hint });
  },
);

describe.skipIf(missingPostgres())("this machine", () => {
  test("has real programs, not the wrapper", async () => {
    const client = await findClient({ serverMajor: testMajor, processes });
    expect(client.folder).toBe(`/usr/lib/postgresql/${client.major}/bin`);
    expect((await findServerFolder(processes)).major).toBeGreaterThanOrEqual(testMajor);
    await expect(findServerFolder(processes, at([15]))).rejects.toMatchObject({ code: "SETUP_INCOMPLETE" });
  });
});
