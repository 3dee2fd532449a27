import { manifestName } from "../model/manifest.ts";
import { keyOf } from "../model/object-key.ts";
import type { CallOptions, Destination } from "../ports/destination.ts";
import type { BackupSet } from "./backup-set.ts";

/**
 * Removes a set: its manifest first, so that what an interruption leaves is no backup any more. Each deletion is idempotent:
 * removing again finishes what was begun.
 */
export async function removeSet(
  destination: Destination,
  set: Pick<BackupSet, "id" | "objects">,
  options: CallOptions = {},
): Promise<void> {
  const manifest = keyOf(set.id, manifestName);
  await destination.delete(manifest, options);
  for (const { key } of set.objects) {
    if (key === manifest) continue;
    await destination.delete(key, options);
    options.progress?.(0);
  }
}
