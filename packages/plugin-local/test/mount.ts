import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A folder of another file system than the temporary folder's, limited where this user may mount; `size` in bytes. */
export async function otherFileSystem(
  size: number,
): Promise<{ readonly folder: string; readonly limited: boolean; remove(): Promise<void> }> {
  if (process.getuid?.() === 0) {
    const folder = await mkdtemp(join(tmpdir(), "restorable-mount-"));
    await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", folder]);
    return {
      folder,
      limited: true,
      async remove() {
        await run("umount", [folder]);
        await rm(folder, { recursive: true });
      },
    };
  }
  const folder = await mkdtemp("/dev/shm/restorable-");
  return { folder, limited: false, remove: () => rm(folder, { recursive: true }) };
}
