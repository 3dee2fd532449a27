import { join } from "node:path";
import { writeStream } from "../bytes/write-stream.ts";
import { type BackupSet, type Catalog, findSet, readCatalog } from "../catalog/catalog.ts";
import { BackupError } from "../errors.ts";
import { sameDigest } from "../model/digest.ts";
import type { Manifest, Part } from "../model/manifest.ts";
import { keyOf } from "../model/object-key.ts";
import type { Storage } from "../plugin/plugin.ts";
import { isLocalFolder } from "../ports/destination.ts";
import type { RunEnvironment } from "./environment.ts";
import { storagesOf } from "./places.ts";
import { verifyChecksum } from "./verification.ts";

/** A set and where it was found. */
export interface FoundSet {
  readonly storage: Storage;
  readonly set: BackupSet;
  readonly manifest: Manifest;
}

/** The storages that a command speaks of. @throws USAGE for a name that nobody has */
export function chosenStorages(
  environment: Pick<RunEnvironment, "plugins">,
  name?: string,
): readonly Storage[] {
  const all = storagesOf(environment.plugins);
  const chosen = name === undefined ? all : all.filter(({ destination }) => destination.name === name);
  if (chosen.length > 0) return chosen;
  const known = all.map(({ destination }) => `"${destination.name}"`).join(", ");
  throw new BackupError(
    "USAGE",
    `Cannot use the destination "${name}": the configuration has ${known || "none"}`,
  );
}

/** Every storage's catalog; one that cannot be read is told beside the others. */
export async function readCatalogs(
  environment: RunEnvironment,
  options: { readonly database?: string; readonly from?: string },
): Promise<readonly { readonly storage: Storage; readonly catalog?: Catalog; readonly error?: unknown }[]> {
  const filter = {
    ...(options.database !== undefined && { database: options.database }),
    signal: environment.signal,
  };
  return await Promise.all(
    chosenStorages(environment, options.from).map(async (storage) => {
      try {
        return { storage, catalog: await readCatalog(storage.destination, filter) };
      } catch (error) {
        return { storage, error };
      }
    }),
  );
}

/** An id, the beginning of one, or `latest`, in the first destination that has it. @throws BACKUP_NOT_FOUND */
export async function findStoredSet(
  environment: RunEnvironment,
  wanted: string,
  options: { readonly database?: string; readonly from?: string },
): Promise<FoundSet> {
  let notFound: unknown;
  for (const { storage, catalog, error } of await readCatalogs(environment, options)) {
    if (!catalog) {
      notFound ??= error;
      continue;
    }
    try {
      const set = findSet(catalog, wanted);
      if (set.manifest) return { storage, set, manifest: set.manifest };
      throw new BackupError(
        "MANIFEST_INVALID",
        `Cannot use ${set.id}: ${set.problem ?? "its manifest cannot be read"}`,
      );
    } catch (reason) {
      notFound ??= reason;
    }
  }
  throw notFound;
}

/**
 * The part as a regular file: the destination's own where it is a folder of this machine, else fetched into `scratch`.
 * Every byte is compared with the manifest before anybody uses it.
 * @throws VERIFICATION_FAILED
 */
export async function fetchPart(
  found: FoundSet,
  part: Part,
  scratch: string,
  environment: RunEnvironment,
): Promise<string> {
  const { destination } = found.storage;
  const key = keyOf(found.manifest.id, part.name);
  let bytes = 0;
  const progress = (moved: number): void => {
    bytes += moved;
    environment.progress?.({ stage: "verify", bytes, total: part.stored.bytes });
  };
  if (isLocalFolder(destination)) {
    await destination.stat(key, { signal: environment.signal });
    const path = destination.pathOf(key);
    await verifyChecksum(part, path, { signal: environment.signal, progress });
    return path;
  }
  const path = join(scratch, part.name);
  const digest = await writeStream(await destination.get(key, { signal: environment.signal }), path, {
    signal: environment.signal,
    progress,
  });
  if (!sameDigest(digest, part.stored))
    throw new BackupError(
      "VERIFICATION_FAILED",
      `Cannot trust "${part.name}" from "${destination.name}": its bytes differ from the manifest's digest`,
    );
  return path;
}
