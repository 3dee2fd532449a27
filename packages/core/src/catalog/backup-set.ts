import type { BackupId } from "../model/backup-id.ts";
import { type Manifest, type VerificationLevel, verificationLevels } from "../model/manifest.ts";
import { keyOf } from "../model/object-key.ts";
import type { StoredObject } from "../ports/destination.ts";

/** What a later verification found; read from the name of the object alone. */
export interface Proof {
  readonly level: VerificationLevel;
  readonly passed: boolean;
  readonly at: Date;
}

/** One set of a destination: it has a manifest object, readable or not. */
export interface BackupSet {
  readonly id: BackupId;
  readonly database: string;
  /** The manifest's; where that cannot be read, the time in the id. */
  readonly createdAt: Date;
  /** Absent when it cannot be read; `problem` then says why. */
  readonly manifest?: Manifest;
  /** Why the set cannot be relied on. Begins with the code where the manifest is at fault: `MANIFEST_TOO_NEW: …`. */
  readonly problem?: string;
  /** Every object of the set, the manifest too. */
  readonly objects: readonly StoredObject[];
  /** Of all objects. */
  readonly bytes: number;
  readonly proofs: readonly Proof[];
  /** Kept by hand, for as long as `pin.json` is there. */
  readonly pinned: boolean;
}

export const pinName = "pin.json";

const proofShape = /^proof-([a-z]+)-(passed|failed)-(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})\.json$/;

/** The verdict in an object's name, or undefined when the object is no proof. */
export function proofOf(name: string): Proof | undefined {
  const [, level, verdict, ...digits] = proofShape.exec(name) ?? [];
  if (!isLevel(level)) return undefined;
  return { level, passed: verdict === "passed", at: timeOf(digits) };
}

function isLevel(text: string | undefined): text is VerificationLevel {
  return (verificationLevels as readonly (string | undefined)[]).includes(text);
}

/** The time in an id, for a set whose manifest cannot be read. */
export function createdAtOf(id: BackupId): Date {
  const [, ...digits] = /_(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})_[a-z0-9]{4}$/.exec(id) ?? [];
  return timeOf(digits);
}

function timeOf([year, month, day, hour, minute, second]: readonly string[]): Date {
  return new Date(
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)),
  );
}

/** The first part that is not listed, or listed at another size than the manifest says; undefined when all are there. */
export function missingPart(manifest: Manifest, objects: readonly StoredObject[]): string | undefined {
  const sizes = new Map<string, number>(objects.map(({ key, bytes }) => [key, bytes]));
  for (const { name, stored } of manifest.parts) {
    const bytes = sizes.get(keyOf(manifest.id, name));
    if (bytes === undefined) return `"${name}" is missing`;
    if (bytes !== stored.bytes) return `"${name}" has ${bytes} bytes, and the manifest says ${stored.bytes}`;
  }
  return undefined;
}

/**
 * Why the set does not count for retention, or undefined when it is proved: whole, verified before it was stored, the whole
 * database, and never found bad since. A later success does not wash away a failure: bytes do not mend themselves.
 */
export function unproved(set: BackupSet): string | undefined {
  if (set.problem !== undefined) return set.problem;
  if (!set.manifest) return "its manifest cannot be read";
  const failed = set.proofs.find(({ passed }) => !passed);
  if (failed)
    return `it failed the verification "${failed.level}" on ${failed.at.toISOString().slice(0, 10)}`;
  if (set.manifest.kind !== "full") return "it holds a part of the database only";
  if (set.manifest.checks.length === 0) return "nothing has verified it";
  return missingPart(set.manifest, set.objects);
}
