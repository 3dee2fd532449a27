import { type FileLock, takeFileLock } from "../host/file-lock.ts";
import type { Clock } from "../ports/clock.ts";

/** Everything that writes into a spool, and so into its destinations, holds this. @throws LOCKED */
export function lockSpool(spool: string, runId: string, what: string, clock: Clock): FileLock {
  return takeFileLock(spool, `run ${runId} of "${what}", since ${clock.now().toISOString()}`);
}
