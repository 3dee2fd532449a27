/** The only source of time. */
export interface Clock {
  /** Wall clock: for dates on disk and ages. */
  now(): Date;
  /** Milliseconds on a clock that never jumps: for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
