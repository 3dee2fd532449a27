import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a plugin that stops at one event: it leaves a mark and waits, so that a test can kill the run in just that stage.
 * @returns the line for a configuration's `plugins`
 */
export async function stallPlugin(
  folder: string,
  event: string,
): Promise<{ readonly line: string; readonly mark: string }> {
  const path = join(folder, "stall.mjs");
  const mark = join(folder, "stalled");
  await writeFile(
    path,
    `import { writeFileSync } from "node:fs";
export const plugin = { name: "stall", apiVersion: 1, options: { type: "object" }, setup: () => ({ on: {
  ${event}: async (_event, context) => {
    writeFileSync(${JSON.stringify(mark)}, "");
    await new Promise((go) => { const wait = setTimeout(go, 60_000); context.signal.addEventListener("abort", () => { clearTimeout(wait); go(); }); });
  } } }) };\n`,
  );
  return { line: "  - use: ./stall.mjs\n", mark };
}
