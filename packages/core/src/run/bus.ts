import { type Observable, config as rxjsConfig, Subject } from "rxjs";
import { asBackupError, BackupError } from "../errors.ts";
import { type EventDraft, eventTypes, type LifecycleEvent, yieldable } from "../events.ts";
import type { LoadedPlugin } from "../plugin/load-plugins.ts";
import type { Reaction, RunContext } from "../plugin/plugin.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";

export interface EventBus {
  /** For watching. Never errors; completes after `finished`. */
  readonly events$: Observable<LifecycleEvent>;
  /** Tell observers, then resolve once every reaction, and every reaction to what it yielded, has settled. Never rejects. */
  publish(draft: EventDraft): Promise<void>;
  /** Every event so far. */
  readonly history: readonly LifecycleEvent[];
}

export interface BusOptions {
  readonly runId: string;
  readonly plugins: readonly LoadedPlugin[];
  readonly clock: Clock;
  readonly log: Logger;
  /** What reactions get, except signal and progress, which are each reaction's own. */
  readonly context: Omit<RunContext, "signal" | "progress">;
  readonly signal: AbortSignal;
  readonly progress?: (plugin: string, bytes: number) => void;
  /** Milliseconds without a sign of life after which a reaction is abandoned; default five minutes. */
  readonly silenceMs?: number;
}

const deepest = 8;
const mostDrafts = 1000;
/** How long a cancelled reaction may take to clean up. */
const cancelMs = 5000;

/** One bus a run: it stamps events, tells observers, awaits reactions and isolates their failures. */
export function eventBus(options: BusOptions): EventBus {
  // Without this, an observer that throws ends the whole process.
  rxjsConfig.onUnhandledError = (error) =>
    options.log.warn(`An observer failed: ${asBackupError(error).message}`);
  const subject = new Subject<LifecycleEvent>();
  const history: LifecycleEvent[] = [];
  for (const { name, plugin } of options.plugins) {
    try {
      plugin.observe?.(subject.asObservable());
    } catch (error) {
      options.log.warn(`The observer of "${name}" failed: ${asBackupError(error).message}`);
    }
  }

  const tell = (draft: EventDraft): LifecycleEvent => {
    const stamp = {
      runId: options.runId,
      sequence: history.length + 1,
      at: options.clock.now().toISOString(),
    };
    const event = Object.freeze({ ...draft, ...stamp }) as LifecycleEvent;
    history.push(event);
    subject.next(event);
    return event;
  };

  const publish = async (draft: EventDraft, depth: number): Promise<void> => {
    const event = tell(draft);
    await Promise.all(
      options.plugins.map(async (loaded) => {
        const reaction = loaded.plugin.on?.[event.type] as Reaction | undefined;
        if (!reaction) return;
        const failure = await react(loaded, reaction, event, depth);
        if (!failure) return;
        options.log.error(`"${loaded.name}" failed during "${event.type}": ${failure.message}`);
        const told: EventDraft = {
          type: "failed",
          by: loaded.name,
          during: event.type,
          required: loaded.required,
          error: failure.toInfo(),
        };
        // A failure of a reaction to `failed` is told to observers alone, or it would go on for ever.
        if (event.type === "failed" || event.type === "finished")
          options.log.error(`Not reacted to: ${failure.message}`);
        else await publish(told, depth + 1);
      }),
    );
  };

  const react = async (
    loaded: LoadedPlugin,
    reaction: Reaction,
    event: LifecycleEvent,
    depth: number,
  ): Promise<BackupError | undefined> => {
    const over = new AbortController();
    const signal = AbortSignal.any([options.signal, over.signal]);
    let aliveAt = options.clock.monotonicMs();
    const context: RunContext = {
      ...options.context,
      signal,
      progress(bytes) {
        aliveAt = options.clock.monotonicMs();
        options.progress?.(loaded.name, bytes);
      },
    };
    const work = (async (): Promise<void> => {
      const returned = reaction(event, context);
      let drafts = 0;
      for await (const yielded of draftsOf(returned)) {
        if (over.signal.aborted) return;
        aliveAt = options.clock.monotonicMs();
        drafts += 1;
        if (depth >= deepest || drafts > mostDrafts)
          throw new BackupError("PLUGIN_LOOP", `Cannot go on with "${loaded.name}": its events have no end`);
        await publish(checkDraft(loaded.name, yielded), depth + 1);
        aliveAt = options.clock.monotonicMs();
      }
    })();
    const silence = options.silenceMs ?? 300_000;
    const watch = (async (): Promise<never> => {
      for (;;) {
        await options.clock.sleep(Math.max(10, aliveAt + silence - options.clock.monotonicMs()), signal);
        if (options.clock.monotonicMs() - aliveAt >= silence) {
          throw new BackupError(
            "PLUGIN_TIMEOUT",
            `Cannot wait for "${loaded.name}" any longer: no sign of life for ${silence / 1000} s during "${event.type}"`,
          );
        }
      }
    })();
    try {
      await Promise.race([work, watch]);
      return undefined;
    } catch (error) {
      work.catch(() => options.log.debug(`"${loaded.name}" failed after it was abandoned`));
      if (options.signal.aborted)
        await Promise.race([work.catch(() => undefined), options.clock.sleep(cancelMs)]);
      return options.signal.aborted
        ? asBackupError(options.signal.reason)
        : asBackupError(error, "PLUGIN_FAILED", `finish "${loaded.name}" during "${event.type}"`);
    } finally {
      over.abort();
      watch.catch(() => undefined);
    }
  };

  return {
    events$: subject.asObservable(),
    history,
    async publish(draft) {
      await publish(draft, 0);
      if (draft.type === "finished") subject.complete();
    },
  };
}

async function* draftsOf(returned: ReturnType<Reaction>): AsyncGenerator {
  if (returned && Symbol.asyncIterator in returned) yield* returned;
  else {
    const draft = await returned;
    if (draft !== undefined) yield draft;
  }
}

/** Core's own events are the core's to tell: a plugin that claims "verified" would be believed. */
function checkDraft(plugin: string, yielded: unknown): EventDraft {
  const type =
    typeof yielded === "object" && yielded !== null && "type" in yielded ? yielded.type : undefined;
  const reserved =
    (eventTypes as readonly unknown[]).includes(type) && !(yieldable as readonly unknown[]).includes(type);
  if (typeof type !== "string" || reserved) {
    const found =
      typeof type === "string"
        ? `the core's own event "${type}"`
        : `${yielded === null ? "null" : `a ${typeof yielded}`} without a type`;
    throw new BackupError("PLUGIN_NONSENSE", `Cannot publish what "${plugin}" yielded: ${found}`);
  }
  return structuredClone(yielded) as EventDraft;
}
