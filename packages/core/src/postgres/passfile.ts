import { readFile, stat } from "node:fs/promises";

/** What a password file says, or why it was not read. */
export interface Passfile {
  readonly text: string;
  /** For people, when the server asks for a password that the file might have held. */
  readonly problem?: string;
}

/** Reads a file in the format of ~/.pgpass. As libpq does, it passes over one that others may read. Never fails. */
export async function readPassfile(path: string): Promise<Passfile> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return { text: "" };
  if (!found.isFile())
    return { text: "", problem: `the password file "${path}" was not read because it is no plain file` };
  if ((found.mode & 0o077) !== 0)
    return {
      text: "",
      problem: `the password file "${path}" was not read because others may read it; run 'chmod 600' on it`,
    };
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined
    ? { text: "", problem: `the password file "${path}" was not read for lack of permission` }
    : { text };
}

/** The password of the first line `host:port:database:user:password` that fits; `*` fits anything, `\` escapes. */
export function passwordFor(
  text: string,
  wanted: { readonly host: string; readonly port: number; readonly database: string; readonly user: string },
): string | undefined {
  const keys = [wanted.host, String(wanted.port), wanted.database, wanted.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\]|\\$)*)(?::|$)/gy)].map((match) => match[1] ?? "");
    const password = fields[4];
    if (
      password &&
      keys.every((key, index) => fields[index] === "*" || unescaped(fields[index] ?? "") === key)
    )
      return unescaped(password);
  }
  return undefined;
}

function unescaped(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}
