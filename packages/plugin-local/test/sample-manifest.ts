import { type BackupId, type Manifest, newBackupId } from "@restorable/core";
import { artifactOf } from "@restorable/core/testing";

/** A manifest of one part of one byte, named `part`. */
export function sampleManifestText(createdAt: Date): { readonly id: BackupId; readonly text: string } {
  const id = newBackupId("shop", createdAt, "aaaa");
  const manifest: Manifest = {
    version: 1,
    id,
    database: "shop",
    kind: "full",
    createdAt: createdAt.toISOString(),
    server: {
      versionNumber: 150018,
      major: 15,
      version: "15.18",
      databaseName: "shop",
      systemIdentifier: "7412345678901234567",
      encoding: "UTF8",
      localeProvider: "c",
      collate: "C.UTF-8",
      ctype: "C.UTF-8",
      extensions: [{ name: "plpgsql", version: "1.0" }],
      roles: ["backup", "shop"],
      databaseBytes: 8_000_000,
    },
    tool: { restorable: "0.1.0", pgDump: "15.18", pgDumpMajor: 15 },
    parts: [
      { role: "dump", name: "part", format: "custom", stages: ["zstd"], stored: artifactOf("x").digest },
    ],
    checks: [{ level: "decode", by: "verification", at: createdAt.toISOString() }],
  };
  return { id, text: `${JSON.stringify(manifest, null, 2)}\n` };
}
