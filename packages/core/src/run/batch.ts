import type { Config, DatabaseConfig } from "../config/config.ts";
import { BackupError } from "../errors.ts";

/** The databases that a command names, or all of them. @throws USAGE for a name that the configuration does not have */
export function chooseDatabases(config: Config, names: readonly string[]): readonly DatabaseConfig[] {
  if (names.length === 0) return config.databases;
  return names.map((name) => {
    const found = config.databases.find((database) => database.name === name);
    if (found) return found;
    const known = config.databases.map((database) => `"${database.name}"`).join(", ");
    throw new BackupError("USAGE", `Cannot use the database "${name}": the configuration has ${known}`);
  });
}

/** A batch exits with its runs' common number, else 3. */
export function batchExit(exits: readonly number[]): number {
  const [first = 0] = exits;
  return exits.every((exit) => exit === first) ? first : 3;
}
