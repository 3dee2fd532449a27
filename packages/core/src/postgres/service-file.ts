import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BackupError } from "../errors.ts";
import { checkKeywords } from "./connection-uri.ts";

/** Where packages keep the machine's own pg_service.conf. */
const systemFolders = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"] as const;

/**
 * The section of a service, from PGSERVICEFILE or else `~/.pg_service.conf`, then from the system's file.
 * @throws CONFIG_INVALID when no file has it, or a line is no `keyword=value`
 */
export async function readService(
  service: string,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Promise<Readonly<Record<string, string>>> {
  const folders = environment["PGSYSCONFDIR"] ? [environment["PGSYSCONFDIR"]] : systemFolders;
  const own = environment["PGSERVICEFILE"] || join(home, ".pg_service.conf");
  for (const path of [own, ...folders.map((folder) => join(folder, "pg_service.conf"))]) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined && path === environment["PGSERVICEFILE"]) {
      throw new BackupError(
        "CONFIG_INVALID",
        `Cannot read the service file "${path}" of PGSERVICEFILE: no such file, or no permission`,
      );
    }
    const found = text === undefined ? undefined : section(text, service, path);
    if (found) return checkKeywords(found, `the service "${service}" in "${path}"`);
  }
  throw new BackupError("CONFIG_INVALID", `Cannot find the service "${service}": no service file defines it`);
}

/** The first value of a keyword counts, as in libpq. */
function section(text: string, service: string, path: string): Record<string, string> | undefined {
  let found: Record<string, string> | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      if (found) return found;
      if (line === `[${service}]`) found = {};
      continue;
    }
    if (!found) continue;
    const equals = line.indexOf("=");
    const keyword = line.slice(0, equals);
    if (equals < 1 || keyword === "service")
      throw new BackupError(
        "CONFIG_INVALID",
        `Cannot read line ${index + 1} of the service file "${path}": it is not of the form "keyword=value"`,
      );
    found[keyword] ??= line.slice(equals + 1);
  }
  return found;
}
