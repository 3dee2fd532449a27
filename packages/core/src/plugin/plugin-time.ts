import { asBackupError, BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";

/** How long a plugin may take to be imported, and again to be set up. */
const pluginPatienceMs = 30_000;

/**
 * Runs a plugin's code. It cannot be stopped at a time-out, only left alone.
 * @throws PLUGIN_TIMEOUT, PLUGIN_FAILED with what it threw as the cause; a BackupError as it is
 */
export async function limitPluginTime<Result>(
  action: string,
  clock: Clock,
  work: () => Promise<Result>,
): Promise<Result> {
  const settled = new AbortController();
  const timeout = clock.sleep(pluginPatienceMs, settled.signal).then(() => {
    throw new BackupError(
      "PLUGIN_TIMEOUT",
      `Cannot ${action}: it gave no sign of life for ${pluginPatienceMs / 1000} s`,
    );
  });
  timeout.catch(() => {}); // aborted below, once the work has settled
  try {
    return await Promise.race([work(), timeout]);
  } catch (error) {
    throw asBackupError(error, "PLUGIN_FAILED", action);
  } finally {
    settled.abort();
  }
}
