import { rm } from "node:fs/promises";
import { join } from "node:path";
import { privateFolder } from "../host/durable-file.ts";
import { randomText } from "../host/random.ts";
import type { RunEnvironment } from "./environment.ts";

/** Lends a private folder in the state folder, and removes it whatever happens. */
export async function withScratch<Result>(
  environment: Pick<RunEnvironment, "stateFolder">,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await privateFolder(join(environment.stateFolder, "scratch", randomText(10)));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
