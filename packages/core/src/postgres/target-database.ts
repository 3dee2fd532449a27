import { BackupError } from "../errors.ts";
import type { ServerFacts } from "../model/manifest.ts";
import type { Session } from "./session.ts";

/** An identifier, quoted for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal, quoted for SQL. */
export function quoteLiteral(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

export async function databaseExists(session: Session, name: string): Promise<boolean> {
  return (await session.query("SELECT 1 FROM pg_database WHERE datname = $1", [name])).length > 0;
}

/** From template0, with the encoding and the locale of the source, as far as the target's version can say them. */
export async function createDatabase(
  session: Session,
  name: string,
  like: ServerFacts | undefined,
  targetMajor: number,
): Promise<void> {
  const options = ["TEMPLATE = template0"];
  if (like) {
    options.push(
      `ENCODING = ${quoteLiteral(like.encoding)}`,
      `LC_COLLATE = ${quoteLiteral(like.collate)}`,
      `LC_CTYPE = ${quoteLiteral(like.ctype)}`,
    );
    if (like.localeProvider === "i" && like.locale && targetMajor >= 15) {
      options.push("LOCALE_PROVIDER = icu", `ICU_LOCALE = ${quoteLiteral(like.locale)}`);
      if (like.icuRules && targetMajor >= 16) options.push(`ICU_RULES = ${quoteLiteral(like.icuRules)}`);
    }
    if (like.localeProvider === "b" && like.locale && targetMajor >= 17) {
      options.push("LOCALE_PROVIDER = builtin", `BUILTIN_LOCALE = ${quoteLiteral(like.locale)}`);
    }
  }
  await session.query(`CREATE DATABASE ${quoteIdentifier(name)} ${options.join(" ")}`);
}

export async function dropDatabase(session: Session, name: string): Promise<void> {
  await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
}

/** @throws RESTORE_REFUSED when the database holds anything of a user's */
export async function requireEmpty(session: Session, name: string): Promise<void> {
  const [found] = await session.query<{ objects: string }>(`
    SELECT (SELECT count(*) FROM pg_class c WHERE c.oid >= 16384)
         + (SELECT count(*) FROM pg_proc p WHERE p.oid >= 16384)
         + (SELECT count(*) FROM pg_type t WHERE t.oid >= 16384)
         + (SELECT count(*) FROM pg_namespace n WHERE n.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%')
         + (SELECT count(*) FROM pg_largeobject_metadata) AS objects`);
  if (Number(found?.objects ?? 0) > 0) {
    throw new BackupError(
      "RESTORE_REFUSED",
      `Cannot restore into "${name}": it is not empty (${found?.objects} objects)`,
      {
        hint: "Leave out -d to restore into a new database, or name an empty one",
      },
    );
  }
}

/** @throws RESTORE_REFUSED naming the roles and extensions that the target lacks */
export async function requireRolesAndExtensions(
  session: Session,
  facts: ServerFacts,
  owners: boolean,
): Promise<void> {
  const roles = new Set(
    (await session.query<{ rolname: string }>("SELECT rolname FROM pg_roles")).map((row) => row.rolname),
  );
  const extensions = new Set(
    (await session.query<{ name: string }>("SELECT name FROM pg_available_extensions")).map(
      (row) => row.name,
    ),
  );
  const missingRoles = owners ? facts.roles.filter((role) => !roles.has(role)) : [];
  const missingExtensions = facts.extensions
    .filter(({ name }) => !extensions.has(name))
    .map(({ name }) => name);
  const lacks = [
    ...(missingRoles.length > 0 ? [`the roles ${missingRoles.map((role) => `"${role}"`).join(", ")}`] : []),
    ...(missingExtensions.length > 0
      ? [`the extensions ${missingExtensions.map((name) => `"${name}"`).join(", ")}`]
      : []),
  ];
  if (lacks.length === 0) return;
  throw new BackupError("RESTORE_REFUSED", `Cannot restore: the target server lacks ${lacks.join(" and ")}`, {
    hint:
      missingRoles.length > 0
        ? "Create them there first, or restore with --no-owner"
        : "Install them there first",
  });
}
