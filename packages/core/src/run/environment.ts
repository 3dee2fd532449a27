import type { Observable } from "rxjs";
import type { CompressionConfig, DatabaseConfig, DumpConfig } from "../config/config.ts";
import type { LifecycleEvent } from "../events.ts";
import type { VerificationLevel } from "../model/manifest.ts";
import type { LoadedPlugin } from "../plugin/load-plugins.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";

/** Everything a run needs from the outside; put together by the composition root. */
export interface RunEnvironment {
  readonly plugins: readonly LoadedPlugin[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly processes: ProcessRunner;
  /** For `PG*`, which libpq reads too. */
  readonly environmentVariables: Readonly<Record<string, string | undefined>>;
  readonly stateFolder: string;
  /** Version of this program. */
  readonly toolVersion: string;
  /** Aborted by SIGINT or SIGTERM; its reason is a BackupError CANCELLED or TERMINATED. */
  readonly signal: AbortSignal;
  /** Called once per run, before `started`. */
  readonly watch?: (events$: Observable<LifecycleEvent>) => void;
  /** Bytes so far: lossy, for the eye only. */
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  /** What is being done, as a word for people: `dump`, `verify`, the name of a destination, `restore`. */
  readonly stage: string;
  /** Bytes so far in this stage. */
  readonly bytes: number;
  /** Bytes to expect, where known. */
  readonly total?: number;
}

export interface BackupSettings {
  readonly database: DatabaseConfig;
  readonly dump: DumpConfig;
  readonly compression: CompressionConfig;
  readonly level: Exclude<VerificationLevel, "drill">;
}
