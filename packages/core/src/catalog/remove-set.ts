import { manifestName } from "../model/manifest.ts";
import { splitKey } from "../model/object-key.ts";
import type { CallOptions, Destination } from "../ports/destination.ts";
import type { BackupSet } from "./catalog.ts";

/** The manifest first, so that the backup is gone before any of its bytes are; then the rest. May be called again. */
export async function removeSet(destination: Destination, set: Pick<BackupSet, "objects">, options?: CallOptions): Promise<void> {
  const isManifest = (key: string): boolean => splitKey(key)?.name === manifestName;
  for (const { key } of set.objects.filter((object) => isManifest(object.key))) await destination.delete(key, options);
  for (const { key } of set.objects.filter((object) => !isManifest(object.key))) await destination.delete(key, options);
}
