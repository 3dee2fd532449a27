import type { SpoolFolder } from "../bytes/spool.ts";
import { asBackupError } from "../errors.ts";
import type { RunKind, RunReport } from "../model/run-report.ts";
import type { LoadedPlugin } from "../plugin/load-plugins.ts";
import { type EventBus, eventBus } from "./bus.ts";
import type { RunEnvironment } from "./environment.ts";
import { foldReport } from "./report.ts";

/** The bus of one run; its reactions read the set that `set` gives. */
export function busOf(
  runId: string,
  kind: RunKind,
  plugins: readonly LoadedPlugin[],
  environment: RunEnvironment,
  set: () => SpoolFolder,
): EventBus {
  const bytes = new Map<string, number>();
  return eventBus({
    runId,
    plugins,
    clock: environment.clock,
    log: environment.log,
    signal: environment.signal,
    context: { kind, clock: environment.clock, log: environment.log, artifact: (key) => set().artifact(key) },
    progress(plugin, moved) {
      bytes.set(plugin, (bytes.get(plugin) ?? 0) + moved);
      environment.progress?.({ stage: plugin, bytes: bytes.get(plugin) ?? 0 });
    },
  });
}

/** Publishes `started`, does the work, turns what it throws into `failed`, and always ends with `finished`. */
export async function runOn(
  bus: EventBus,
  database: string,
  kind: RunKind,
  environment: RunEnvironment,
  work: () => Promise<void>,
): Promise<RunReport> {
  environment.watch?.(bus.events$);
  const begun = environment.clock.monotonicMs();
  await bus.publish({ type: "started", database, kind });
  try {
    await work();
    // Cancelled in the last moment: what was stored stays, and the exit number still says what happened.
    environment.signal.throwIfAborted();
  } catch (error) {
    const known = environment.signal.aborted
      ? asBackupError(environment.signal.reason)
      : asBackupError(error);
    environment.log.error(known.message);
    await bus.publish({
      type: "failed",
      by: "core",
      during: bus.history.at(-1)?.type ?? "started",
      required: true,
      error: known.toInfo(),
    });
  }
  const report = foldReport(bus.history, environment.clock.monotonicMs() - begun);
  await bus.publish({ type: "finished", outcome: report.outcome, report });
  return report;
}
