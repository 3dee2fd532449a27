import type { BackupId } from "../model/backup-id.ts";
import { type BackupSet, unproved } from "./backup-set.ts";

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
  /** Why nothing at all is removed. */
  readonly refused?: string;
  readonly keep: readonly Verdict[];
  readonly remove: readonly Verdict[];
}

export interface Verdict {
  readonly id: BackupId;
  /** For people. */
  readonly reason: string;
}

const dayMs = 86_400_000;

/**
 * What retention keeps and removes, each database by itself, newest first. Pure; the order of `sets` does not matter, and
 * after the plan was carried out, or half carried out, the same plan removes nothing that this one keeps.
 *
 * Only proved sets count (see `unproved`). Ages are relative to now and to the newest proved set, so that neither a clock
 * that jumped ahead nor backups that stopped remove what there is. Pinned sets are neither removed nor counted by `max`.
 */
export function planRotation(sets: readonly BackupSet[], retention: Retention, now: Date): RotationPlan {
  const sorted = [...sets].sort(newestFirst);
  const future = sorted.find(({ createdAt }) => createdAt.getTime() > now.getTime());
  if (future) {
    const refused = `the clock says ${now.toISOString()}, and ${future.id} was made at ${future.createdAt.toISOString()}`;
    return {
      refused,
      keep: sorted.map(({ id }) => ({ id, reason: "the clock stands before the newest backup" })),
      remove: [],
    };
  }
  const reasons = new Map<BackupId, Judged>();
  for (const own of Map.groupBy(sorted, ({ database }) => database).values())
    judge(own, retention, now, reasons);
  const verdicts = sorted.map(({ id }) => ({ id, ...(reasons.get(id) ?? kept("not judged")) }));
  return {
    keep: verdicts.filter(({ removed }) => !removed).map(told),
    remove: verdicts.filter(({ removed }) => removed).map(told),
  };
}

interface Judged {
  readonly removed: boolean;
  readonly reason: string;
}

const kept = (reason: string): Judged => ({ removed: false, reason });
const removed = (reason: string): Judged => ({ removed: true, reason });
const told = ({ id, reason }: Verdict): Verdict => ({ id, reason });

/** @param sets of one database, newest first */
function judge(
  sets: readonly BackupSet[],
  retention: Retention,
  now: Date,
  reasons: Map<BackupId, Judged>,
): void {
  const minimum = floorOf(retention.minimum);
  const proved = sets.filter((set) => unproved(set) === undefined);
  const floor = new Set(proved.slice(0, minimum).map(({ id }) => id));
  const reference = Math.min(now.getTime(), proved[0]?.createdAt.getTime() ?? now.getTime());
  const old = (set: BackupSet): boolean => reference - set.createdAt.getTime() > retention.days * dayMs;

  for (const set of sets) {
    const why = unproved(set);
    if (set.pinned) reasons.set(set.id, kept("pinned"));
    else if (why === undefined) reasons.set(set.id, judgeProved(set, floor, old(set), retention, minimum));
    else {
      const successors = proved.filter((other) => newestFirst(other, set) < 0).length;
      if (!old(set)) reasons.set(set.id, kept(`not older than ${retention.days} days; not counted: ${why}`));
      else if (successors < minimum)
        reasons.set(set.id, kept(`fewer than ${minimum} proved backups are newer; not counted: ${why}`));
      else reasons.set(set.id, removed(`older than ${retention.days} days, and ${why}`));
    }
  }
  limit(
    proved.filter((set) => !set.pinned && !reasons.get(set.id)?.removed),
    floor,
    retention.max,
    reasons,
  );
}

function judgeProved(
  set: BackupSet,
  floor: ReadonlySet<BackupId>,
  old: boolean,
  retention: Retention,
  minimum: number,
): Judged {
  if (floor.has(set.id))
    return kept(minimum === 1 ? "the newest proved backup" : `one of the ${minimum} newest proved backups`);
  return old ? removed(`older than ${retention.days} days`) : kept(`not older than ${retention.days} days`);
}

/** Days are thinned before any is given up: many runs in one afternoon must not push out two weeks. */
function limit(
  counted: readonly BackupSet[],
  floor: ReadonlySet<BackupId>,
  max: number | undefined,
  reasons: Map<BackupId, Judged>,
): void {
  if (max === undefined) return;
  let excess = counted.length - max;
  const oldestFirst = counted.toReversed().filter(({ id }) => !floor.has(id));
  const newestOfDay = new Set([...Map.groupBy(counted, dayOf).values()].map((day) => day[0]));
  const take = (set: BackupSet, reason: string): void => {
    if (excess <= 0 || reasons.get(set.id)?.removed) return;
    reasons.set(set.id, removed(reason));
    excess -= 1;
  };
  for (const set of oldestFirst)
    if (!newestOfDay.has(set)) take(set, `more than ${max} backups, and ${dayOf(set)} has a newer one`);
  for (const set of oldestFirst) take(set, `more than ${max} backups, and it is the oldest`);
}

function dayOf(set: BackupSet): string {
  return set.createdAt.toISOString().slice(0, 10);
}

/** A minimum that is no number is a mistake that must not cost a backup. */
function floorOf(minimum: number): number {
  return Number.isFinite(minimum) ? Math.max(1, Math.floor(minimum)) : 3;
}

/** By time, then by id, so that equal times have one order. */
export function newestFirst(a: BackupSet, b: BackupSet): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
