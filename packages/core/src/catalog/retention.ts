import type { BackupId } from "../model/backup-id.ts";
import { type BackupSet, isSound } from "./catalog.ts";

/** How long a destination keeps its sets. */
export interface Retention {
  /** Sets younger than this many days stay. */
  readonly days: number;
  /** At most this many proved sets; absent: no maximum. */
  readonly max?: number;
  /** So many of the newest proved sets are never removed; at least 1. */
  readonly minimum: number;
}

export interface RotationPlan {
  /** Why nothing may be removed now, in words. */
  readonly refused?: string;
  /** Newest first, each with its reason. */
  readonly keep: readonly Verdict[];
  readonly remove: readonly Verdict[];
}

export interface Verdict {
  readonly id: BackupId;
  readonly reason: string;
}

/** What retention looks at. */
export type RotatableSet = Pick<BackupSet, "id" | "createdAt" | "manifest" | "problem" | "proofs" | "pinned">;

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Pure. Only proved sets count; the newest `minimum` of them stay whatever else is said. A set is old when it is older than
 * `days` against the clock and against the newest set. Above `max`, first the extra sets of crowded days go, then the oldest.
 * docs/design/retention.md says the same in words.
 */
export function planRotation(sets: readonly RotatableSet[], retention: Retention, now: Date): RotationPlan {
  const newestFirst = sets.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));
  const [newest] = newestFirst;
  if (newest && newest.createdAt.getTime() > now.getTime()) {
    const refused = `the clock says ${now.toISOString()}, but ${newest.id} is newer`;
    return { refused, keep: newestFirst.map(({ id }) => ({ id, reason: "nothing is removed while the clock stands before the newest backup" })), remove: [] };
  }
  const proved = newestFirst.filter(isProved);
  const minimum = Math.max(1, retention.minimum);
  const floor = new Set(proved.slice(0, minimum));
  const isOld = (set: RotatableSet): boolean => {
    const against = Math.min(now.getTime(), newest?.createdAt.getTime() ?? now.getTime());
    return against - set.createdAt.getTime() > retention.days * dayMs;
  };
  const tooMany = overMaximum(proved.filter((set) => !isOld(set) || floor.has(set) || set.pinned), floor, retention.max);
  const keep: Verdict[] = [];
  const remove: Verdict[] = [];
  for (const set of newestFirst) {
    const { id } = set;
    if (set.pinned) keep.push({ id, reason: "pinned" });
    else if (!isProved(set)) {
      const newerProved = proved.filter((other) => other.createdAt > set.createdAt).length;
      if (isOld(set) && newerProved >= minimum) remove.push({ id, reason: `${flawOf(set)}, and older than ${retention.days} days` });
      else keep.push({ id, reason: `${flawOf(set)}: it does not count` });
    } else if (floor.has(set)) keep.push({ id, reason: `one of the newest ${minimum} proved` });
    else if (isOld(set)) remove.push({ id, reason: `older than ${retention.days} days` });
    else if (tooMany.has(set)) remove.push({ id, reason: tooMany.get(set) ?? "" });
    else keep.push({ id, reason: `younger than ${retention.days} days` });
  }
  return { keep, remove };
}

/** Complete, verified, not contradicted by a later check, and of the whole database. */
function isProved(set: RotatableSet): boolean {
  return isSound(set as BackupSet) && set.manifest?.kind === "full" && set.manifest.checks.length > 0;
}

function flawOf(set: RotatableSet): string {
  if (set.problem !== undefined || !set.manifest) return `damaged (${set.problem ?? "no manifest"})`;
  const failed = set.proofs.find((proof) => !proof.passed);
  if (failed) return `failed the check ${failed.level}`;
  return set.manifest.kind === "partial" ? "partial" : "not verified";
}

/** Which sets go because there are more than `max`, each with its reason. `sets` newest first. */
function overMaximum(sets: readonly RotatableSet[], floor: ReadonlySet<RotatableSet>, max: number | undefined): ReadonlyMap<RotatableSet, string> {
  const chosen = new Map<RotatableSet, string>();
  let excess = max === undefined ? 0 : sets.length - Math.max(max, 1);
  const seenDays = new Set<string>();
  const extras = sets.filter((set) => {
    const day = set.createdAt.toISOString().slice(0, 10);
    return seenDays.size === seenDays.add(day).size;
  });
  const take = (candidates: readonly RotatableSet[], reason: string): void => {
    for (const set of candidates.toReversed()) {
      if (excess <= 0) return;
      if (floor.has(set) || set.pinned || chosen.has(set)) continue;
      chosen.set(set, reason);
      excess -= 1;
    }
  };
  take(extras, `more than ${max}, and a newer one of the same day is there`);
  take(sets, `more than ${max}, and the oldest`);
  return chosen;
}
