import { BackupError } from "../errors.ts";

/** Names one backup set: `<database>_<YYYYMMDD>_<HHMMSS>_<4 random characters>`, UTC. */
export type BackupId = string & { readonly __brand: "BackupId" };

const shape = /^([A-Za-z0-9][A-Za-z0-9._-]{0,62})_(\d{8})_(\d{6})_([a-z0-9]{4})$/;

/** @param random four characters of [a-z0-9], so that two runs in the same second never share a key */
export function newBackupId(database: string, at: Date, random: string): BackupId {
  return parseBackupId(`${database}_${compactTime(at)}_${random}`);
}

/** @throws USAGE when the text is no id */
export function parseBackupId(text: string): BackupId {
  if (!isBackupId(text))
    throw new BackupError(
      "USAGE",
      `Cannot read the backup id: "${text}" is not of the form shop_20261231_020000_k3f9`,
    );
  return text;
}

export function isBackupId(text: string): text is BackupId {
  return shape.test(text);
}

/** The configured name of the database that the set belongs to. */
export function databaseOf(id: BackupId): string {
  return shape.exec(id)?.[1] ?? "";
}

/** `20261231_020000`, UTC: sorts by time, and is what the old scripts' file names held. */
export function compactTime(at: Date): string {
  const digits = at.toISOString().replace(/[^0-9]/g, "");
  return `${digits.slice(0, 8)}_${digits.slice(8, 14)}`;
}
