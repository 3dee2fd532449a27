import type { BackupId } from "../model/backup-id.ts";

/** How long a destination keeps its sets. */
export interface Retention {
  /** Sets younger than this many days stay. */
  readonly days: number;
  /** At most this many proved sets; absent: no maximum. */
  readonly max?: number;
  /** So many of the newest proved sets are never removed; at least 1. */
  readonly minimum: number;
}
