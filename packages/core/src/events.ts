import type { ErrorInfo } from "./errors.ts";
import type { BackupId } from "./model/backup-id.ts";
import type { BackupKind, Manifest, PartRole, VerificationLevel } from "./model/manifest.ts";
import type { Outcome, RunKind, RunReport } from "./model/run-report.ts";

/** Every event and what it tells. Plugins may add their own by declaration merging. */
export interface EventMap {
  /** A run has begun: the lock is held, nothing else is known. */
  started: { readonly database: string; readonly kind: RunKind };
  /** The source has delivered a part. */
  dumped: { readonly part: PartRole; readonly kind: BackupKind };
  /** A part is compressed: at once after `dumped` where pg_dump compresses by itself. */
  compressed: { readonly part: PartRole; readonly stage: string };
  /** A part is encrypted. */
  encrypted: { readonly part: PartRole; readonly stage: string };
  /** Every part lies in the spool and its digest is known: verification reacts. */
  sealed: { readonly manifest: Manifest };
  /** A check passed. */
  checked: { readonly level: VerificationLevel; readonly by: string };
  /** Every check settled, nothing required failed, the manifest lies in the spool: storage reacts. */
  verified: { readonly manifest: Manifest };
  /** A destination holds the whole set, durably. */
  uploaded: { readonly manifest: Manifest; readonly destination: string };
  /** Retention was applied on a destination. */
  rotated: { readonly destination: string; readonly removed: readonly BackupId[]; readonly kept: number };
  /** Something went wrong; the neighbours go on. */
  failed: {
    readonly by: string;
    readonly during: EventType;
    readonly required: boolean;
    readonly error: ErrorInfo;
  };
  /** Always the last one. */
  finished: { readonly outcome: Outcome; readonly report: RunReport };
}

export type EventType = keyof EventMap;

export interface Stamp {
  readonly runId: string;
  /** 1, 2, 3 … within the run. */
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export type LifecycleEvent<T extends EventType = EventType> = {
  [K in T]: Stamp & { readonly type: K } & EventMap[K];
}[T];
/** An event before the bus has stamped it. */
export type EventDraft<T extends EventType = EventType> = { [K in T]: { readonly type: K } & EventMap[K] }[T];

/** In the order in which a run publishes them. A test compares this with docs/design/events.md. */
export const eventTypes = [
  "started",
  "dumped",
  "compressed",
  "encrypted",
  "sealed",
  "checked",
  "verified",
  "uploaded",
  "rotated",
  "failed",
  "finished",
] as const satisfies readonly EventType[];

/** What a plugin's reaction may yield; everything else is said by the core alone. */
export const yieldable: readonly EventType[] = ["checked", "uploaded", "rotated"];
