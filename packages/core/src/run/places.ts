import { join } from "node:path";
import { compressionStages } from "../bytes/compression.ts";
import type { LoadedPlugin } from "../plugin/load-plugins.ts";
import type { Storage } from "../plugin/plugin.ts";
import { isLocalFolder } from "../ports/destination.ts";
import type { Stage } from "../ports/stage.ts";
import type { RunEnvironment } from "./environment.ts";

/** Inside the first destination that is a folder of this machine, where storing costs a hard link; else in the state folder. */
export function spoolPath(environment: Pick<RunEnvironment, "plugins" | "stateFolder">): string {
  const local = storagesOf(environment.plugins)
    .map(({ destination }) => destination)
    .find(isLocalFolder);
  return join(local ? local.folder : environment.stateFolder, local ? ".spool" : "spool");
}

export function storagesOf(plugins: readonly LoadedPlugin[]): readonly Storage[] {
  return plugins.flatMap(({ plugin }) => plugin.storage ?? []);
}

/** The built-in stages and those that plugins bring, by name. */
export async function stagesOf(
  environment: RunEnvironment,
  level?: number,
): Promise<ReadonlyMap<string, Stage>> {
  const stages = new Map(await compressionStages(environment.processes, level));
  for (const { plugin } of environment.plugins)
    for (const stage of plugin.stages ?? []) stages.set(stage.name, stage);
  return stages;
}
