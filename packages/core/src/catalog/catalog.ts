import { buffer } from "node:stream/consumers";
import { asBackupError, BackupError } from "../errors.ts";
import { type BackupId, databaseOf } from "../model/backup-id.ts";
import { type Manifest, manifestName, type VerificationLevel } from "../model/manifest.ts";
import { splitKey } from "../model/object-key.ts";
import { parseManifest } from "../model/parse-manifest.ts";
import type { Destination, StoredObject } from "../ports/destination.ts";

/** One set as a destination holds it. */
export interface BackupSet {
  readonly id: BackupId;
  readonly database: string;
  readonly createdAt: Date;
  /** Absent when it cannot be read. */
  readonly manifest?: Manifest;
  /** Why the set is not whole, in words; absent when it is. */
  readonly problem?: string;
  readonly objects: readonly StoredObject[];
  /** Of all objects. */
  readonly bytes: number;
  /** What later verifications found, oldest first; read from the objects' names. */
  readonly proofs: readonly Proof[];
  readonly pinned: boolean;
}

export interface Proof {
  readonly level: VerificationLevel;
  readonly passed: boolean;
  /** `YYYYMMDD_HHMMSS`, UTC. */
  readonly at: string;
}

/** What a destination holds, derived from its manifests alone. */
export interface Catalog {
  /** Newest first. */
  readonly sets: readonly BackupSet[];
  /** Objects of sets that have no manifest: they are no backups. */
  readonly orphans: readonly StoredObject[];
}

export interface CatalogOptions {
  readonly database?: string;
  readonly signal?: AbortSignal;
}

const proofName = /^proof-(checksum|decode|drill)-(passed|failed)-(\d{8}_\d{6})\.json$/;
const readsAtOnce = 32;

/** Lists once, then reads the manifests side by side. @throws whatever the listing throws: half a catalog is none */
export async function readCatalog(destination: Destination, options: CatalogOptions = {}): Promise<Catalog> {
  const call = options.signal ? { signal: options.signal } : {};
  const groups = new Map<BackupId, StoredObject[]>();
  for await (const object of destination.list(options.database === undefined ? "" : `${options.database}/`, call)) {
    const split = splitKey(object.key);
    if (!split) continue;
    const group = groups.get(split.id);
    if (group) group.push(object);
    else groups.set(split.id, [object]);
  }
  const sets: BackupSet[] = [];
  const orphans: StoredObject[] = [];
  const waiting = [...groups];
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [id, objects] = next;
      if (objects.some(({ key }) => splitKey(key)?.name === manifestName)) sets.push(await readSet(destination, id, objects, call));
      else orphans.push(...objects);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(readsAtOnce, destination.concurrency)) }, worker));
  return { sets: sets.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1)), orphans };
}

async function readSet(destination: Destination, id: BackupId, objects: readonly StoredObject[], call: { readonly signal?: AbortSignal }): Promise<BackupSet> {
  const named = new Map(objects.map((object) => [splitKey(object.key)?.name ?? "", object]));
  const proofs = [...named.keys()].flatMap((name): Proof[] => {
    const [, level, verdict, at] = proofName.exec(name) ?? [];
    return level && at ? [{ level: level as VerificationLevel, passed: verdict === "passed", at }] : [];
  });
  const common = {
    id,
    database: databaseOf(id),
    objects,
    bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
    proofs: proofs.toSorted((a, b) => (a.at < b.at ? -1 : 1)),
    pinned: named.has("pin.json"),
  };
  const object = named.get(manifestName);
  try {
    if (!object) throw new BackupError("BUG", `Cannot read ${id}: it has no manifest`);
    const manifest = parseManifest(await buffer(await destination.get(object.key, call)));
    if (manifest.id !== id) throw new BackupError("MANIFEST_INVALID", `Cannot trust the manifest of ${id}: it speaks of ${manifest.id}`);
    const problem = manifest.parts
      .map((part) => {
        const stored = named.get(part.name);
        if (!stored) return `"${part.name}" is missing`;
        return stored.bytes === part.stored.bytes ? undefined : `"${part.name}" has ${stored.bytes} bytes instead of ${part.stored.bytes}`;
      })
      .find((found) => found !== undefined);
    return { ...common, createdAt: new Date(manifest.createdAt), manifest, ...(problem !== undefined && { problem }) };
  } catch (error) {
    const known = asBackupError(error);
    if (known.code !== "MANIFEST_INVALID" && known.code !== "MANIFEST_TOO_NEW") throw error;
    return { ...common, createdAt: timeOf(id), problem: known.message };
  }
}

/** From the id, where the manifest cannot be read. */
function timeOf(id: BackupId): Date {
  const [, year, month, day, hour, minute, second] = /_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)_[a-z0-9]{4}$/.exec(id) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Whole, and no later verification found fault with it. */
export function isSound(set: BackupSet): boolean {
  return set.manifest !== undefined && set.problem === undefined && set.proofs.every((proof) => proof.passed);
}

/** An exact id, the beginning of just one, or `latest`: the newest sound set. @throws BACKUP_NOT_FOUND */
export function findSet(catalog: Catalog, wanted: string): BackupSet {
  if (wanted === "latest") {
    const newest = catalog.sets.find(isSound);
    if (newest) return newest;
    throw new BackupError("BACKUP_NOT_FOUND", `Cannot find the latest backup: there is ${catalog.sets.length > 0 ? "none that is whole" : "none"}`);
  }
  const found = catalog.sets.filter(({ id }) => id.startsWith(wanted));
  const exact = found.find(({ id }) => id === wanted) ?? (found.length === 1 ? found[0] : undefined);
  if (exact) return exact;
  throw new BackupError("BACKUP_NOT_FOUND", found.length > 1 ? `Cannot choose "${wanted}": ${found.length} backups begin with it` : `Cannot find "${wanted}": there is no such backup`);
}
