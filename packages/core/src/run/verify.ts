import { bytesArtifact } from "../bytes/artifact.ts";
import type { BackupSet } from "../catalog/catalog.ts";
import { asBackupError, type ErrorInfo } from "../errors.ts";
import { type BackupId, compactTime } from "../model/backup-id.ts";
import type { VerificationLevel } from "../model/manifest.ts";
import { keyOf } from "../model/object-key.ts";
import type { Storage } from "../plugin/plugin.ts";
import type { RunEnvironment } from "./environment.ts";
import { stagesOf } from "./places.ts";
import { withScratch } from "./scratch.ts";
import { fetchPart } from "./stored-set.ts";
import { verifyDecode } from "./verification.ts";

export interface VerifyResult {
  readonly id: BackupId;
  readonly destination: string;
  readonly level: VerificationLevel;
  readonly passed: boolean;
  readonly bytes: number;
  readonly durationMs: number;
  readonly error?: ErrorInfo;
}

/**
 * Verifies one stored set again. A verdict about the set is kept beside it, so that a set that failed never counts again;
 * what only says that we could not look (unreachable, program missing, cancelled) is told and not kept.
 */
export async function verifyStored(
  storage: Storage,
  set: BackupSet,
  level: Exclude<VerificationLevel, "drill">,
  environment: RunEnvironment,
): Promise<VerifyResult> {
  const begun = environment.clock.monotonicMs();
  const told = (passed: boolean, error?: ErrorInfo): VerifyResult => ({
    id: set.id,
    destination: storage.destination.name,
    level,
    passed,
    bytes: set.bytes,
    durationMs: Math.round(environment.clock.monotonicMs() - begun),
    ...(error && { error }),
  });
  const { manifest } = set;
  if (!manifest || set.problem)
    return told(false, {
      code: "MANIFEST_INVALID",
      message: `Cannot trust ${set.id}: ${set.problem ?? "its manifest cannot be read"}`,
      hint: "Restore another one",
    });
  try {
    await withScratch(environment, async (scratch) => {
      for (const part of manifest.parts) {
        const path = await fetchPart({ storage, set, manifest }, part, scratch, environment);
        if (level === "decode" && part.role === "dump") {
          await verifyDecode(manifest, part, path, scratch, {
            stages: await stagesOf(environment),
            processes: environment.processes,
            signal: environment.signal,
          });
        }
      }
    });
    await keepProof(storage, set, level, true, environment);
    return told(true);
  } catch (error) {
    if (environment.signal.aborted) throw environment.signal.reason;
    const known = asBackupError(error);
    if (known.code === "VERIFICATION_FAILED") await keepProof(storage, set, level, false, environment);
    return told(false, known.toInfo());
  }
}

async function keepProof(
  storage: Storage,
  set: BackupSet,
  level: VerificationLevel,
  passed: boolean,
  environment: RunEnvironment,
): Promise<void> {
  const at = environment.clock.now();
  const name = `proof-${level}-${passed ? "passed" : "failed"}-${compactTime(at)}.json`;
  const proof = { version: 1, id: set.id, level, passed, at: at.toISOString(), by: "verify" };
  await storage.destination
    .put(keyOf(set.id, name), bytesArtifact(Buffer.from(`${JSON.stringify(proof)}\n`)))
    .catch((error: unknown) => {
      if (asBackupError(error).code !== "OBJECT_EXISTS")
        environment.log.warn(`The verdict on ${set.id} could not be kept: ${asBackupError(error).message}`);
    });
}
