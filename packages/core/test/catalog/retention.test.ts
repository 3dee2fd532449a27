import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BackupSet } from "../../src/catalog/catalog.ts";
import { planRotation, type Retention } from "../../src/catalog/retention.ts";
import { type SampleOptions, sampleSet } from "./sample-set.ts";

const day = 86_400_000;
const now = new Date("2026-11-24T12:00:00Z");
const ago = (days: number, options?: SampleOptions): BackupSet =>
  sampleSet(new Date(now.getTime() - days * day), options);
const removedAges = (sets: readonly BackupSet[], retention: Retention, at = now): number[] => {
  const removed = new Set(planRotation(sets, retention, at).remove.map(({ id }) => id));
  return sets
    .filter(({ id }) => removed.has(id))
    .map(({ createdAt }) => (now.getTime() - createdAt.getTime()) / day);
};
const daily = (count: number): BackupSet[] => Array.from({ length: count }, (_, index) => ago(index));

describe("planRotation by age", () => {
  it.each<{ name: string; sets: BackupSet[]; retention: Retention; removed: number[] }>([
    { name: "nothing", sets: [], retention: { days: 30, minimum: 3 }, removed: [] },
    {
      name: "exactly as old as allowed stays",
      sets: daily(31),
      retention: { days: 30, minimum: 3 },
      removed: [],
    },
    { name: "older goes", sets: daily(33), retention: { days: 30, minimum: 3 }, removed: [31, 32] },
    {
      name: "the minimum stays however old",
      sets: [ago(40), ago(41), ago(42), ago(100)].map((set) => set),
      retention: { days: 30, minimum: 3 },
      removed: [100],
    },
    {
      name: "ages are relative to the newest too: backups stopped long ago",
      sets: [ago(100), ago(110), ago(129), ago(131)],
      retention: { days: 30, minimum: 1 },
      removed: [131],
    },
    { name: "a minimum of 0 is 1", sets: [ago(0), ago(1)], retention: { days: 0, minimum: 0 }, removed: [1] },
    {
      name: "a minimum that is no number is 3",
      sets: daily(5),
      retention: { days: 0, minimum: Number.NaN },
      removed: [3, 4],
    },
    {
      name: "pinned stays",
      sets: [...daily(3), ago(50, { pinned: true }), ago(51)],
      retention: { days: 30, minimum: 3 },
      removed: [51],
    },
    {
      name: "an old damaged one goes when enough newer are proved",
      sets: [...daily(3), ago(50, { state: "truncated" })],
      retention: { days: 30, minimum: 3 },
      removed: [50],
    },
    {
      name: "and stays while they are not",
      sets: [...daily(2), ago(50, { state: "truncated" })],
      retention: { days: 30, minimum: 3 },
      removed: [],
    },
    {
      name: "a young damaged one stays",
      sets: [...daily(9), ago(5.5, { state: "missing" })],
      retention: { days: 30, minimum: 3 },
      removed: [],
    },
  ])("$name", ({ sets, retention, removed }) => {
    expect(removedAges(sets, retention)).toEqual(removed);
  });

  it.each<NonNullable<SampleOptions["state"]>>([
    "unchecked",
    "partial",
    "truncated",
    "missing",
    "failed later",
    "unreadable",
    "failed, then passed",
  ])("a set that is %s is not counted: the proved ones before it stay", (state) => {
    const bad = [0, 1, 2].map((days) => ago(days, { state }));
    const good = [40, 41, 42].map((days) => ago(days));
    const plan = planRotation([...bad, ...good], { days: 30, max: 3, minimum: 3 }, now);
    expect(plan.remove).toEqual([]);
    expect(plan.keep.find(({ id }) => id === bad[0]?.id)?.reason).toMatch(/not counted: .+/);
  });
});

describe("planRotation by number", () => {
  const retention = { days: 30, max: 14, minimum: 3 };

  it("removes the oldest days above the maximum", () => {
    expect(removedAges(daily(17), retention)).toEqual([14, 15, 16]);
  });

  it("14 runs in one afternoon do not push out two weeks", () => {
    const afternoon = Array.from({ length: 14 }, (_, index) =>
      sampleSet(new Date(now.getTime() - index * 600_000), { random: `m${String(index).padStart(3, "0")}` }),
    );
    const weeks = Array.from({ length: 13 }, (_, index) => ago(index + 1));
    const plan = planRotation([...weeks, ...afternoon], retention, now);
    expect(plan.keep).toHaveLength(14);
    const kept = new Set(plan.keep.map(({ id }) => id));
    // Today's newest three are the floor; the other eleven places are eleven other days.
    expect(weeks.filter(({ id }) => kept.has(id))).toHaveLength(11);
    expect(afternoon.filter(({ id }) => kept.has(id)).map(({ id }) => id)).toEqual(
      afternoon.slice(0, 3).map(({ id }) => id),
    );
  });

  it("of a crowded day the oldest extras go first, and its newest last", () => {
    const hours = [0, 1, 2, 3].map((hour) =>
      sampleSet(new Date(Date.UTC(2026, 10, 20, hour)), { random: `h${hour}xx` }),
    );
    const plan = planRotation([...daily(4), ...hours], { days: 30, max: 6, minimum: 3 }, now);
    expect(plan.remove.map(({ id }) => id)).toEqual([hours[1]?.id, hours[0]?.id]);
    expect(plan.remove[0]?.reason).toBe("more than 6 backups, and 2026-11-20 has a newer one");
  });

  it("pinned and damaged sets take no place of the others", () => {
    const extra = [
      ago(0.1, { pinned: true }),
      ago(0.2, { state: "failed later" }),
      ago(0.3, { state: "unreadable" }),
    ];
    expect(removedAges([...daily(14), ...extra], retention)).toEqual([]);
  });

  it("a maximum below the minimum yields", () => {
    expect(removedAges(daily(5), { days: 30, max: 1, minimum: 3 })).toEqual([3, 4]);
  });
});

describe("planRotation and the clock", () => {
  it("refuses when the clock stands before the newest backup", () => {
    const sets = [...daily(40), ago(-0.5)];
    const plan = planRotation(sets, { days: 1, max: 1, minimum: 1 }, now);
    expect(plan.remove).toEqual([]);
    expect(plan.keep).toHaveLength(41);
    expect(plan.refused).toContain("2026-11-25T00:00:00.000Z");
  });

  it("a clock that jumped a year ahead removes no more than before", () => {
    const later = new Date(now.getTime() + 365 * day);
    expect(removedAges(daily(40), { days: 30, minimum: 1 }, later)).toEqual(
      removedAges(daily(40), { days: 30, minimum: 1 }),
    );
  });
});

describe("planRotation always", () => {
  const state = fc.constantFrom<NonNullable<SampleOptions["state"]>>(
    "proved",
    "proved",
    "proved",
    "proved",
    "unchecked",
    "partial",
    "truncated",
    "failed later",
    "unreadable",
  );
  const sets = fc
    .uniqueArray(
      fc.record({
        hours: fc.integer({ min: 0, max: 24 * 60 }),
        state,
        pinned: fc.boolean().map((yes) => yes),
        database: fc.constantFrom("shop", "shop", "blog"),
      }),
      { maxLength: 60, selector: ({ hours, database }) => `${hours} ${database}` },
    )
    .map((drafts) =>
      drafts.map(({ hours, ...options }, index) =>
        ago(hours / 24, { ...options, pinned: options.pinned && index % 5 === 0 }),
      ),
    );
  const retention = fc
    .record({ days: fc.integer({ min: 0, max: 60 }), minimum: fc.integer({ min: 0, max: 5 }) })
    .chain((base) =>
      fc
        .option(fc.integer({ min: 1, max: 20 }), { nil: undefined })
        .map((max): Retention => ({ ...base, ...(max !== undefined && { max }) })),
    );
  const isProved = (set: BackupSet): boolean =>
    set.manifest?.kind === "full" &&
    set.manifest.checks.length > 0 &&
    set.proofs.every(({ passed }) => passed) &&
    set.objects[0]?.bytes === set.manifest.parts[0]?.stored.bytes;
  const idsOf = (plan: readonly { readonly id: string }[]): string[] => plan.map(({ id }) => id);
  const check = (property: (sets: BackupSet[], retention: Retention) => void): void =>
    fc.assert(fc.property(sets, retention, property), { numRuns: 300 });

  it("gives every set exactly one verdict with a reason", () => {
    check((all, rule) => {
      const { keep, remove } = planRotation(all, rule, now);
      expect([...idsOf(keep), ...idsOf(remove)].sort()).toEqual(idsOf(all).sort());
      for (const { reason } of [...keep, ...remove]) expect(reason).toMatch(/\S/);
    });
  });

  it("never removes the newest proved ones of a database, nor a pinned set", () => {
    check((all, rule) => {
      const removed = new Set(idsOf(planRotation(all, rule, now).remove));
      for (const database of ["shop", "blog"]) {
        const proved = all
          .filter((set) => set.database === database && isProved(set))
          .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
        for (const set of proved.slice(0, Math.max(1, rule.minimum))) expect(removed.has(set.id)).toBe(false);
      }
      for (const set of all) if (set.pinned) expect(removed.has(set.id)).toBe(false);
    });
  });

  it("does not depend on the order", () => {
    fc.assert(
      fc.property(sets, retention, fc.infiniteStream(fc.nat()), (all, rule, random) => {
        const shuffled = all
          .map((set) => ({ set, at: random.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ set }) => set);
        expect(planRotation(shuffled, rule, now)).toEqual(planRotation(all, rule, now));
      }),
    );
  });

  it("removes nothing when it is asked again", () => {
    check((all, rule) => {
      const removed = new Set(idsOf(planRotation(all, rule, now).remove));
      expect(
        planRotation(
          all.filter(({ id }) => !removed.has(id)),
          rule,
          now,
        ).remove,
      ).toEqual([]);
    });
  });

  it("after half of the removals, wants no more than the rest of them", () => {
    check((all, rule) => {
      const removed = idsOf(planRotation(all, rule, now).remove);
      const done = new Set(removed.filter((_, index) => index % 2 === 0));
      const rest = planRotation(
        all.filter(({ id }) => !done.has(id)),
        rule,
        now,
      ).remove;
      for (const id of idsOf(rest)) expect(removed).toContain(id);
    });
  });

  it("failed and damaged backups change nothing for the proved ones", () => {
    check((all, rule) => {
      const removed = idsOf(planRotation(all, rule, now).remove);
      const proved = all.filter(isProved);
      expect(idsOf(planRotation(proved, rule, now).remove)).toEqual(
        removed.filter((id) => proved.some((set) => set.id === id)),
      );
    });
  });

  it("removes nothing when one set comes from the future", () => {
    check((all, rule) => {
      expect(planRotation([...all, ago(-1, { random: "zzzz" })], rule, now).remove).toEqual([]);
    });
  });

  it("keeps no more than the maximum, the floor and the pins aside", () => {
    check((all, rule) => {
      if (rule.max === undefined) return;
      const kept = new Set(idsOf(planRotation(all, rule, now).keep));
      for (const database of ["shop", "blog"]) {
        const counted = all.filter(
          (set) => set.database === database && isProved(set) && !set.pinned && kept.has(set.id),
        );
        expect(counted.length).toBeLessThanOrEqual(Math.max(rule.max, rule.minimum, 1));
      }
    });
  });
});
