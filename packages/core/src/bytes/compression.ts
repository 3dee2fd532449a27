import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from "node:zlib";
import type { CompressionConfig } from "../config/config.ts";
import { BackupError } from "../errors.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";

export type Algorithm = "zstd" | "gzip" | "none";

const defaultLevels = { zstd: 3, gzip: 6, none: 0 } as const;

/** `auto` means zstd; pg_dump of 15 and older compresses a directory by gzip alone. */
export function chooseAlgorithm(
  config: CompressionConfig,
  dump: { readonly major: number; readonly directory: boolean },
): Algorithm {
  const old = dump.directory && dump.major < 16;
  if (config.algorithm === "zstd" && old) {
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot compress by "zstd" with several jobs: pg_dump ${dump.major} knows only gzip`,
      {
        hint: "Set compression to auto or gzip, or dump.jobs to 1",
      },
    );
  }
  if (config.algorithm === "auto") return old ? "gzip" : "zstd";
  return config.algorithm;
}

/** Level of the configuration, or the sensible one. Fast gzip (1) where pg_dump's workers compress: see docs/decisions. */
export function levelOf(config: CompressionConfig, algorithm: Algorithm): number {
  return config.level ?? defaultLevels[algorithm];
}

/** The stages of this machine: by program on all cores where there is one, else by node:zlib on one. */
export async function compressionStages(
  processes: ProcessRunner,
  level?: number,
): Promise<ReadonlyMap<string, Stage>> {
  const [zstd, pigz] = await Promise.all([processes.find("zstd"), processes.find("pigz")]);
  const stages: readonly Stage[] = [
    {
      name: "zstd",
      completes: "compressed",
      suffix: ".zst",
      undoCommand: "zstd -dc",
      apply: () =>
        zstd
          ? { program: zstd, args: ["-q", "-c", "-T0", `-${Math.min(level ?? 3, 19)}`, "--check"] }
          : createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
      undo: () => (zstd ? { program: zstd, args: ["-q", "-dc"] } : createZstdDecompress()),
    },
    {
      name: "gzip",
      completes: "compressed",
      suffix: ".gz",
      undoCommand: "gzip -dc",
      apply: () =>
        pigz ? { program: pigz, args: ["-c", `-${level ?? 6}`] } : createGzip({ level: level ?? 6 }),
      undo: () => (pigz ? { program: pigz, args: ["-dc"] } : createGunzip()),
    },
  ];
  return new Map(stages.map((stage) => [stage.name, stage]));
}
