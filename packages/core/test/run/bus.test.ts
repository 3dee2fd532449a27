import { describe, expect, it } from "vitest";
import type { EventDraft, LifecycleEvent } from "../../src/events.ts";
import { systemClock } from "../../src/host/system-clock.ts";
import type { LoadedPlugin } from "../../src/plugin/load-plugins.ts";
import type { Plugin } from "../../src/plugin/plugin.ts";
import { silentLogger } from "../../src/ports/logger.ts";
import { type EventBus, eventBus } from "../../src/run/bus.ts";
import { foldReport } from "../../src/run/report.ts";

function loaded(name: string, plugin: Plugin, required = true): LoadedPlugin {
  return { name, required, plugin };
}

function busWith(
  plugins: readonly LoadedPlugin[],
  options: { silenceMs?: number; signal?: AbortSignal } = {},
): EventBus {
  const clock = systemClock();
  const artifact = (): never => {
    throw new Error("no artifact here");
  };
  return eventBus({
    runId: "r",
    plugins,
    clock,
    log: silentLogger,
    signal: options.signal ?? new AbortController().signal,
    context: { kind: "backup", clock, log: silentLogger, artifact },
    silenceMs: options.silenceMs ?? 2000,
  });
}

const started: EventDraft = { type: "started", database: "shop", kind: "backup" };
const rotated = (destination: string): EventDraft => ({ type: "rotated", destination, removed: [], kept: 1 });
const types = (bus: EventBus): string[] => bus.history.map((event) => event.type);
const failures = (bus: EventBus): { by: string; code: string }[] =>
  bus.history.filter((event) => event.type === "failed").map(({ by, error }) => ({ by, code: error.code }));

describe("the bus", () => {
  it("waits for reactions, and for reactions to what they yield", async () => {
    const order: string[] = [];
    const slow: Plugin = {
      on: {
        async *started(): AsyncGenerator<EventDraft> {
          await new Promise((go) => setTimeout(go, 30));
          yield rotated("a");
          order.push("after its own event was reacted to");
        },
      },
    };
    const second: Plugin = {
      on: {
        async rotated() {
          await new Promise((go) => setTimeout(go, 30));
          order.push("second reacted");
          return undefined;
        },
      },
    };
    const bus = busWith([loaded("slow", slow), loaded("second", second)]);
    await bus.publish(started);
    expect(order).toEqual(["second reacted", "after its own event was reacted to"]);
    expect(bus.history.map((event) => event.sequence)).toEqual([1, 2]);
  });

  it("isolates a plugin that throws: its neighbour finishes", async () => {
    const bus = busWith([
      loaded("bad", {
        on: {
          started: () => {
            throw new Error("boom");
          },
        },
      }),
      loaded("good", { on: { started: () => Promise.resolve(rotated("good")) } }),
    ]);
    await bus.publish(started);
    expect(failures(bus)).toEqual([{ by: "bad", code: "PLUGIN_FAILED" }]);
    expect(types(bus)).toContain("rotated");
  });

  it("abandons a plugin that gives no sign of life, and spares one that does", async () => {
    const hang: Plugin = { on: { started: () => new Promise(() => {}) } };
    const busy: Plugin = {
      on: {
        async started(_event, context) {
          for (let beat = 0; beat < 8; beat += 1) {
            await new Promise((go) => setTimeout(go, 40));
            context.progress(1);
          }
          return rotated("busy");
        },
      },
    };
    const bus = busWith([loaded("hang", hang), loaded("busy", busy)], { silenceMs: 150 });
    await bus.publish(started);
    expect(failures(bus)).toEqual([{ by: "hang", code: "PLUGIN_TIMEOUT" }]);
    expect(types(bus)).toContain("rotated");
  });

  it.each([
    ["a number", 42],
    ["null", null],
    ["an object without a type", {}],
    ["the core's own event", { type: "verified", manifest: {} }],
    ["the end of the run", { type: "finished", outcome: "succeeded" }],
  ])("refuses %s", async (_name, nonsense) => {
    const bus = busWith([loaded("liar", { on: { started: () => Promise.resolve(nonsense as EventDraft) } })]);
    await bus.publish(started);
    expect(types(bus)).toEqual(["started", "failed"]);
    expect(failures(bus)).toEqual([{ by: "liar", code: "PLUGIN_NONSENSE" }]);
  });

  it("cuts a plugin that answers itself, and one that never stops yielding", async () => {
    const echo = busWith([
      loaded("echo", {
        on: { started: () => Promise.resolve(rotated("x")), rotated: () => Promise.resolve(rotated("x")) },
      }),
    ]);
    await echo.publish(started);
    expect(failures(echo)).toEqual([{ by: "echo", code: "PLUGIN_LOOP" }]);
    const endless: Plugin = {
      on: {
        async *started(): AsyncGenerator<EventDraft> {
          for (;;) yield rotated("x");
        },
      },
    };
    const bus = busWith([loaded("endless", endless)]);
    await bus.publish(started);
    expect(failures(bus)).toEqual([{ by: "endless", code: "PLUGIN_LOOP" }]);
  });

  it("survives an observer that throws, and tells the others on", async () => {
    const seen: string[] = [];
    const bus = busWith([
      loaded("bad", {
        observe: (events$) => {
          events$.subscribe(() => {
            throw new Error("observer boom");
          });
        },
      }),
      loaded("good", { observe: (events$) => void events$.subscribe(({ type }) => seen.push(type)) }),
    ]);
    await bus.publish(started);
    await bus.publish(rotated("a"));
    await new Promise((go) => setTimeout(go, 20));
    expect(seen).toEqual(["started", "rotated"]);
    expect(failures(bus)).toEqual([]);
  });

  it("survives a late rejection", async () => {
    const late: Plugin = {
      on: { started: () => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 120)) },
    };
    const bus = busWith([loaded("late", late)], { silenceMs: 40 });
    await bus.publish(started);
    await new Promise((go) => setTimeout(go, 150));
    expect(failures(bus)).toEqual([{ by: "late", code: "PLUGIN_TIMEOUT" }]);
  });

  it("folds into a report that tells the truth", () => {
    const stamp = { runId: "r", sequence: 1, at: "2026-11-24T00:00:00.000Z" };
    const failed: LifecycleEvent = {
      ...stamp,
      type: "failed",
      by: "x",
      during: "sealed",
      required: true,
      error: { code: "DISK_FULL", message: "m", hint: "h" },
    };
    const begun: LifecycleEvent = { ...stamp, type: "started", database: "shop", kind: "backup" };
    expect(foldReport([begun, failed], 5)).toMatchObject({ outcome: "failed", exit: 15 });
    expect(foldReport([begun], 5)).toMatchObject({ outcome: "failed", exit: 1 });
    const uploaded = {
      ...stamp,
      type: "uploaded",
      destination: "local",
      manifest: { id: "shop_20261124_000000_aaaa", parts: [] },
    } as unknown as LifecycleEvent;
    expect(foldReport([begun, uploaded], 5)).toMatchObject({ outcome: "succeeded", exit: 0 });
    expect(foldReport([begun, uploaded, failed], 5)).toMatchObject({ outcome: "degraded", exit: 3 });
    expect(foldReport([begun, uploaded, { ...failed, required: false }], 5)).toMatchObject({
      outcome: "succeeded",
      exit: 0,
    });
  });
});
