import { type ErrorCode, errorTable } from "../errors.ts";
import type { LifecycleEvent } from "../events.ts";
import { storedBytes } from "../model/manifest.ts";
import type { Outcome, RunReport } from "../model/run-report.ts";

/** The report of a run: a fold over its events, of which the first is `started`. Pure. */
export function foldReport(events: readonly LifecycleEvent[], durationMs: number): RunReport {
  const started = events.find((event) => event.type === "started");
  const failures = events
    .filter((event) => event.type === "failed")
    .map(({ by, during, required, error }) => ({ by, during, required, error }));
  const sealed = events.find((event) => event.type === "sealed");
  const verified = events.find((event) => event.type === "verified");
  const manifest = verified?.manifest ?? sealed?.manifest;
  const storedOn = events.filter((event) => event.type === "uploaded").map((event) => event.destination);
  const outcome = outcomeOf(
    storedOn.length > 0,
    failures.some((failure) => failure.required),
  );
  return {
    runId: events[0]?.runId ?? "",
    kind: started?.kind ?? "backup",
    database: started?.database ?? "",
    outcome,
    exit: exitOf(
      outcome,
      failures.filter((failure) => failure.required).map((failure) => failure.error.code),
    ),
    ...(manifest && { backupId: manifest.id, bytes: storedBytes(manifest) }),
    startedAt: events[0]?.at ?? "",
    durationMs: Math.round(durationMs),
    stages: stageDurations(events),
    checks: verified?.manifest.checks ?? [],
    storedOn,
    rotated: events
      .filter((event) => event.type === "rotated")
      .map(({ destination, removed, kept }) => ({ destination, removed, kept })),
    failures,
  };
}

/** Succeeded: stored, and nothing required failed. Degraded: stored somewhere, but something required failed. */
function outcomeOf(stored: boolean, requiredFailure: boolean): Outcome {
  if (!stored) return "failed";
  return requiredFailure ? "degraded" : "succeeded";
}

function exitOf(outcome: Outcome, codes: readonly ErrorCode[]): number {
  const cancelled = codes.find((code) => code === "CANCELLED" || code === "TERMINATED");
  if (cancelled) return errorTable[cancelled].exit;
  if (outcome === "degraded") return 3;
  if (outcome === "succeeded") return 0;
  return codes[0] ? errorTable[codes[0]].exit : errorTable.BUG.exit;
}

function stageDurations(events: readonly LifecycleEvent[]): RunReport["stages"] {
  const names = ["dumped", "sealed", "checked", "verified", "uploaded", "rotated"];
  const stages: { name: string; durationMs: number }[] = [];
  let before = Date.parse(events[0]?.at ?? "");
  for (const event of events) {
    if (!names.includes(event.type)) continue;
    const at = Date.parse(event.at);
    const name =
      event.type === "checked"
        ? `checked ${event.level}`
        : event.type === "uploaded" || event.type === "rotated"
          ? `${event.type} ${event.destination}`
          : event.type;
    stages.push({ name, durationMs: Math.max(0, at - before) });
    before = at;
  }
  return stages;
}
