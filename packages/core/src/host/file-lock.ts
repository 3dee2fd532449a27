import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BackupError } from "../errors.ts";

export interface FileLock {
  release(): void;
}

/**
 * A kernel lock in `folder` that dies with its holder, whatever kills it: an exclusive SQLite transaction on a file of its own.
 * The holder's facts lie in a second file, since opening and closing the locked one would free the lock.
 * @param facts one line that tells others who holds it
 * @throws LOCKED, saying who holds it
 */
export function takeFileLock(folder: string, facts: string): FileLock {
  const holderFile = join(folder, "lock.holder");
  const database = new DatabaseSync(join(folder, "lock"));
  try {
    database.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new BackupError(
      "LOCKED",
      `Cannot start: another run holds the lock of "${folder}" (${readHolder(holderFile)})`,
      { cause: error },
    );
  }
  writeFileSync(holderFile, `${facts}, process ${process.pid}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(holderFile, { force: true });
      database.close();
    },
  };
}

function readHolder(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "it has just started";
  }
}
