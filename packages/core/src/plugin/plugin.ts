import type { Observable } from "rxjs";
import type { Retention } from "../catalog/retention.ts";
import type { EventDraft, EventType, LifecycleEvent } from "../events.ts";
import type { ObjectKey } from "../model/object-key.ts";
import type { RunKind } from "../model/run-report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Artifact, Destination } from "../ports/destination.ts";
import type { Logger } from "../ports/logger.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import type { Stage } from "../ports/stage.ts";

/** Work caused by an event, usually an async generator. The run waits for it; what it yields is published in turn. */
export type Reaction<T extends EventType = EventType> = (
  event: LifecycleEvent<T>,
  context: RunContext,
) => AsyncIterable<EventDraft> | Promise<EventDraft | undefined> | undefined;

/** What a reaction may use. */
export interface RunContext {
  /** Aborted when the run is cancelled or the reaction is abandoned. */
  readonly signal: AbortSignal;
  /** A `recovery` finishes the leftover of a killed run, and never rotates. */
  readonly kind: RunKind;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes of an object of the sealed set: parts, RESTORE.md, and from `verified` on the manifest. */
  artifact(key: ObjectKey): Artifact;
  /** Bytes moved since the last call; also the sign of life: without one for five minutes, the reaction is abandoned. */
  progress(bytes: number): void;
}

/** A destination and how long it keeps what. */
export interface Storage {
  readonly destination: Destination;
  readonly retention: Retention;
}

export interface Plugin {
  /** Awaited by the run. */
  readonly on?: { readonly [T in EventType]?: Reaction<T> };
  /** Never awaited: it can neither delay nor fail a run. */
  observe?(events$: Observable<LifecycleEvent>): void;
  /** For `list`, `restore`, `verify` and `rotate`. */
  readonly storage?: readonly Storage[];
  readonly stages?: readonly Stage[];
  close?(): Promise<void>;
}

/** What the composition root lends to a plugin at set-up. */
export interface Host {
  readonly clock: Clock;
  readonly log: Logger;
  readonly processes: ProcessRunner;
  /** Folder for the plugin's own state, 0700. */
  readonly stateFolder: string;
  /** Folder of the configuration file: relative paths in options start here. */
  readonly configFolder: string;
}

export interface PluginDefinition<Options = unknown> {
  /** In every event, log line and error. */
  readonly name: string;
  readonly apiVersion: 1;
  /** Default true; a plugin that says false can only cause warnings. */
  readonly required?: boolean;
  /** JSON Schema (draft 07) of the options, checked before `setup`. */
  readonly options: Readonly<Record<string, unknown>>;
  setup(options: Options, host: Host): Plugin | Promise<Plugin>;
}

/** Gives a plugin's options their type. */
export function definePlugin<Options>(definition: PluginDefinition<Options>): PluginDefinition<Options> {
  return definition;
}
