import { readCatalog } from "../catalog/catalog.ts";
import { removeSet } from "../catalog/remove-set.ts";
import { planRotation } from "../catalog/retention.ts";
import { BackupError } from "../errors.ts";
import type { EventDraft } from "../events.ts";
import type { BackupId } from "../model/backup-id.ts";
import type { Manifest } from "../model/manifest.ts";
import type { Plugin, RunContext, Storage } from "./plugin.ts";
import { store } from "./store.ts";

/** Any destination as a plugin: stores what was verified, and rotates where something was just stored. */
export function storagePlugin(storage: Storage): Plugin {
  const { destination } = storage;
  return {
    storage: [storage],
    on: {
      async *verified({ manifest }, context) {
        await store(destination, manifest, context);
        yield { type: "uploaded", manifest, destination: destination.name };
      },
      async *uploaded(event, context) {
        if (event.destination !== destination.name || context.kind !== "backup") return;
        yield await rotate(storage, event.manifest, context);
      },
    },
    close: () => destination.close(),
  };
}

/**
 * Applies retention to the database that was just backed up.
 * @throws CLOCK_BEHIND; DESTINATION_UNAVAILABLE when the listing lacks the set just stored, and so may lack others
 */
async function rotate(
  { destination, retention }: Storage,
  stored: Manifest,
  context: RunContext,
): Promise<EventDraft<"rotated">> {
  const options = { signal: context.signal, progress: (bytes: number) => context.progress(bytes) };
  const { sets } = await readCatalog(destination, { ...options, database: stored.database });
  if (!sets.some(({ id, problem }) => id === stored.id && problem === undefined)) {
    throw new BackupError(
      "DESTINATION_UNAVAILABLE",
      `Cannot rotate "${destination.name}": its list lacks ${stored.id}, which was just stored`,
    );
  }
  const plan = planRotation(sets, retention, rotationTime(context.clock.now(), stored));
  if (plan.refused)
    throw new BackupError("CLOCK_BEHIND", `Cannot rotate "${destination.name}": ${plan.refused}`);
  const removed: BackupId[] = [];
  for (const { id, reason } of plan.remove) {
    const set = sets.find((candidate) => candidate.id === id);
    if (!set) continue;
    context.signal.throwIfAborted();
    await removeSet(destination, set, options);
    context.log.info(`Removed ${id} from "${destination.name}": ${reason}`);
    removed.push(id);
  }
  return { type: "rotated", destination: destination.name, removed, kept: plan.keep.length };
}

const skewMs = 300_000;

/** The server's clock, which dates the set, may run a little ahead of ours; that is no reason to refuse. */
function rotationTime(now: Date, stored: Manifest): Date {
  const created = new Date(stored.createdAt);
  return created > now && created.getTime() - now.getTime() <= skewMs ? created : now;
}
