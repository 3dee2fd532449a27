import { asBackupError, BackupError } from "../errors.ts";
import { type BackupId, databaseOf } from "../model/backup-id.ts";
import { type Manifest, manifestName } from "../model/manifest.ts";
import { keyOf, splitKey } from "../model/object-key.ts";
import { largestManifest, parseManifest } from "../model/parse-manifest.ts";
import type { CallOptions, Destination, StoredObject } from "../ports/destination.ts";
import { type BackupSet, createdAtOf, missingPart, type Proof, pinName, proofOf } from "./backup-set.ts";
import { newestFirst } from "./retention.ts";

export type { BackupSet, Proof } from "./backup-set.ts";

/** What a destination holds, derived from its objects alone. */
export interface Catalog {
  /** Newest first. */
  readonly sets: readonly BackupSet[];
  /** Objects under an id without a manifest: an upload under way, or the rest of one that never ended. No backups. */
  readonly orphans: readonly Orphan[];
}

export interface Orphan {
  readonly id: BackupId;
  readonly database: string;
  readonly objects: readonly StoredObject[];
  readonly bytes: number;
}

export interface CatalogOptions extends CallOptions {
  /** Only this database's sets. */
  readonly database?: string;
  /** Manifests read at once; by default what the destination can serve. */
  readonly concurrency?: number;
}

/**
 * Lists once and reads every manifest. Objects that are not ours are ignored.
 * @throws whatever the destination throws: a catalog with gaps would have the wrong backups removed
 */
export async function readCatalog(destination: Destination, options: CatalogOptions = {}): Promise<Catalog> {
  const groups = new Map<BackupId, StoredObject[]>();
  for await (const object of destination.list(
    options.database === undefined ? "" : `${options.database}/`,
    call(options),
  )) {
    const own = splitKey(object.key);
    if (!own) continue;
    const group = groups.get(own.id);
    if (group) group.push(object);
    else groups.set(own.id, [object]);
  }
  const sets: BackupSet[] = [];
  const orphans: Orphan[] = [];
  const waiting = groups.entries();
  const worker = async (): Promise<void> => {
    for (const [id, objects] of waiting) {
      options.signal?.throwIfAborted();
      const read = await readManifest(destination, id, objects, options);
      if (read) sets.push(setOf(id, objects, read));
      else orphans.push({ id, database: databaseOf(id), objects, bytes: bytesOf(objects) });
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? destination.concurrency }, worker));
  return { sets: sets.sort(newestFirst), orphans };
}

type Read = { readonly manifest: Manifest } | { readonly problem: string };

/** Undefined when there is no manifest, or none any more. */
async function readManifest(
  destination: Destination,
  id: BackupId,
  objects: readonly StoredObject[],
  options: CatalogOptions,
): Promise<Read | undefined> {
  const key = keyOf(id, manifestName);
  const listed = objects.find((object) => object.key === key);
  if (!listed) return undefined;
  if (listed.bytes > largestManifest)
    return { problem: `MANIFEST_INVALID: Cannot read the manifest: it has ${listed.bytes} bytes` };
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await destination.get(key, call(options))) chunks.push(chunk as Uint8Array);
    const manifest = parseManifest(Buffer.concat(chunks));
    return manifest.id === id
      ? { manifest }
      : { problem: `MANIFEST_INVALID: the manifest is of ${manifest.id}` };
  } catch (error) {
    const { code, message } = asBackupError(error);
    if (code === "OBJECT_NOT_FOUND") return undefined;
    if (code === "MANIFEST_INVALID" || code === "MANIFEST_TOO_NEW") return { problem: `${code}: ${message}` };
    throw error;
  }
}

function setOf(id: BackupId, objects: readonly StoredObject[], read: Read): BackupSet {
  const names = objects.map(({ key }) => splitKey(key)?.name ?? "");
  const problem = "problem" in read ? read.problem : missingPart(read.manifest, objects);
  return {
    id,
    database: databaseOf(id),
    createdAt: "manifest" in read ? new Date(read.manifest.createdAt) : createdAtOf(id),
    ...("manifest" in read && { manifest: read.manifest }),
    ...(problem !== undefined && { problem }),
    objects,
    bytes: bytesOf(objects),
    proofs: names.map(proofOf).filter((proof): proof is Proof => proof !== undefined),
    pinned: names.includes(pinName),
  };
}

function bytesOf(objects: readonly StoredObject[]): number {
  return objects.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What a destination's call takes of our options. */
function call({ signal, progress }: CallOptions): CallOptions {
  return { ...(signal && { signal }), ...(progress && { progress }) };
}

/**
 * @param wanted an id, the beginning of exactly one, or `latest`: the newest without a problem and without a failed proof
 * @throws BACKUP_NOT_FOUND with the ids that come closest
 */
export function findSet(catalog: Catalog, wanted: string): BackupSet {
  if (wanted === "latest") {
    const latest = catalog.sets.find(
      ({ problem, proofs }) => problem === undefined && proofs.every(({ passed }) => passed),
    );
    if (latest) return latest;
    const some = catalog.sets.length;
    throw notFound(
      wanted,
      some === 0 ? "there is no backup" : `none of the ${some} backups can be relied on`,
      catalog.sets,
    );
  }
  const exact = catalog.sets.find(({ id }) => id === wanted);
  if (exact) return exact;
  const begun = wanted === "" ? [] : catalog.sets.filter(({ id }) => id.startsWith(wanted));
  if (begun[0] && begun.length === 1) return begun[0];
  if (begun.length > 1) throw notFound(wanted, `${begun.length} backups begin so`, begun);
  throw notFound(wanted, "there is no such backup", closest(catalog.sets, wanted));
}

function closest(sets: readonly BackupSet[], wanted: string): readonly BackupSet[] {
  const common = (id: string): number => {
    let length = 0;
    while (length < id.length && id[length] === wanted[length]) length += 1;
    return length;
  };
  return [...sets].sort((a, b) => common(b.id) - common(a.id) || newestFirst(a, b));
}

function notFound(wanted: string, reason: string, candidates: readonly BackupSet[]): BackupError {
  const suggestions = candidates.slice(0, 3).map(({ id }) => id);
  return new BackupError("BACKUP_NOT_FOUND", `Cannot find the backup "${wanted}": ${reason}`, {
    ...(suggestions.length > 0 && {
      hint: `Did you mean ${suggestions.join(" or ")}? Run 'backup list' to see the backups that exist`,
    }),
    details: { suggestions },
  });
}
