import type { BackupSet } from "../../src/catalog/catalog.ts";
import { newBackupId } from "../../src/model/backup-id.ts";
import type { Manifest } from "../../src/model/manifest.ts";
import { keyOf } from "../../src/model/object-key.ts";
import { artifactOf } from "../../src/testing/index.ts";

export const partBytes = Buffer.from("PGDMP, as far as this test is concerned");
export const partName = "shop_db_backup.custom.zst";

/** A manifest that describes `partBytes`. */
export function sampleManifest(createdAt: Date, random = "aaaa", database = "shop"): Manifest {
  return {
    version: 1,
    id: newBackupId(database, createdAt, random),
    database,
    kind: "full",
    createdAt: createdAt.toISOString(),
    server: {
      versionNumber: 150018,
      major: 15,
      version: "15.18",
      databaseName: database,
      systemIdentifier: "7412345678901234567",
      encoding: "UTF8",
      localeProvider: "c",
      collate: "C.UTF-8",
      ctype: "C.UTF-8",
      extensions: [{ name: "plpgsql", version: "1.0" }],
      roles: ["backup"],
      databaseBytes: 8_000_000,
    },
    tool: { restorable: "0.1.0", pgDump: "15.18", pgDumpMajor: 15 },
    parts: [
      {
        role: "dump",
        name: partName,
        format: "custom",
        stages: ["zstd"],
        stored: artifactOf(partBytes).digest,
      },
    ],
    checks: [{ level: "decode", by: "verification", at: createdAt.toISOString() }],
  };
}

export interface SampleOptions {
  readonly random?: string;
  readonly database?: string;
  readonly pinned?: boolean;
  readonly state?:
    | "proved"
    | "unchecked"
    | "partial"
    | "truncated"
    | "missing"
    | "failed later"
    | "unreadable"
    | "failed, then passed";
}

/** A set as a catalog tells it. */
export function sampleSet(createdAt: Date, options: SampleOptions = {}): BackupSet {
  const { state = "proved" } = options;
  const base = sampleManifest(createdAt, options.random, options.database);
  const manifest: Manifest = {
    ...base,
    ...(state === "unchecked" && { checks: [] }),
    ...(state === "partial" && { kind: "partial" as const }),
  };
  const bytes = state === "truncated" ? partBytes.length - 1 : partBytes.length;
  const proofs = [
    ...(state.startsWith("failed") ? [{ level: "checksum" as const, passed: false, at: createdAt }] : []),
    ...(state === "failed, then passed"
      ? [{ level: "decode" as const, passed: true, at: new Date(createdAt.getTime() + 1000) }]
      : []),
  ];
  return {
    id: base.id,
    database: base.database,
    createdAt,
    ...(state !== "unreadable" && { manifest }),
    ...(state === "unreadable" && { problem: "MANIFEST_INVALID: it is no JSON" }),
    objects: state === "missing" ? [] : [{ key: keyOf(base.id, partName), bytes, modifiedAt: createdAt }],
    bytes,
    proofs,
    pinned: options.pinned ?? false,
  };
}
