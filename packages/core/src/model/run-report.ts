import type { ErrorInfo } from "../errors.ts";
import type { BackupId } from "./backup-id.ts";
import type { Check } from "./manifest.ts";

export type RunKind = "backup" | "recovery";
export type Outcome = "succeeded" | "degraded" | "failed";

/** What a run tells when it is over: a fold over its events. */
export interface RunReport {
  readonly runId: string;
  readonly kind: RunKind;
  readonly database: string;
  readonly outcome: Outcome;
  /** Number the process should exit with. */
  readonly exit: number;
  readonly backupId?: BackupId;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** Milliseconds of each stage, in the order in which they ended. */
  readonly stages: readonly { readonly name: string; readonly durationMs: number }[];
  /** Bytes of all parts as stored once; absent when nothing was sealed. */
  readonly bytes?: number;
  readonly checks: readonly Check[];
  readonly storedOn: readonly string[];
  readonly rotated: readonly {
    readonly destination: string;
    readonly removed: readonly BackupId[];
    readonly kept: number;
  }[];
  readonly failures: readonly RunFailure[];
}

export interface RunFailure {
  /** Name of the plugin, or `core`. */
  readonly by: string;
  /** Type of the event during which it happened. */
  readonly during: string;
  /** A failure that is not required is a warning. */
  readonly required: boolean;
  readonly error: ErrorInfo;
}
