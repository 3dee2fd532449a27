import { BackupError } from "@restorable/core";

/** What the operating system calls a failure: `ENOENT` and the like. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** A failed call on the folder in the terms of the contract. BackupErrors and an abort's reason pass as they are. */
export function localError(error: unknown, action: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof BackupError) return error;
  const code = codeOf(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new BackupError("DISK_FULL", `Cannot ${action}: the disk is full`, { cause: error });
  return new BackupError(
    "DESTINATION_UNAVAILABLE",
    `Cannot ${action}: ${reasons[code] ?? (error as Error).message}`,
    { cause: error },
  );
}

const reasons: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  ENOENT: "the folder does not exist",
  ENOTDIR: "a file stands where a folder should be",
};
