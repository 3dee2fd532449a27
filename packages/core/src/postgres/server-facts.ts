import { BackupError } from "../errors.ts";
import type { ServerFacts } from "../model/manifest.ts";
import type { Session } from "./session.ts";

/** Read through to_jsonb, since the columns of the locale came and went: 15 datlocprovider, 15–16 daticulocale, 17 datlocale, 16 daticurules. */
const databaseSql = `
  SELECT current_setting('server_version_num')::int AS version_number, current_setting('server_version') AS version,
         d.datname AS name, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
         coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider,
         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
         to_jsonb(d) ->> 'daticurules' AS icu_rules,
         pg_database_size(d.oid)::text AS bytes, clock_timestamp() AS now, pg_is_in_recovery() AS in_recovery
    FROM pg_database d WHERE d.datname = current_database()`;

/** Owners, grantees, policies, initial grants; the bootstrap role is pinned and appears in no pg_shdepend, so its objects are asked. */
const rolesSql = `
  SELECT r.rolname AS name FROM pg_roles r WHERE r.oid IN (
    SELECT s.refobjid FROM pg_shdepend s JOIN pg_database d ON d.datname = current_database()
     WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('o', 'a', 'r', 'i')
       AND (s.dbid = d.oid OR (s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = d.oid)))
   OR r.oid = 10 AND EXISTS (
    SELECT FROM (
      SELECT 'pg_class'::regclass AS class, oid FROM pg_class WHERE relowner = 10 AND relkind <> 't' AND relkind <> 'i'
      UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE proowner = 10
      UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typowner = 10
      UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspowner = 10 AND nspname NOT LIKE 'pg\\_%'
      UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata WHERE lomowner = 10
    ) o WHERE o.oid >= 16384 AND NOT EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e'))
   ORDER BY 1`;

interface DatabaseRow {
  readonly version_number: number;
  readonly version: string;
  readonly name: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: ServerFacts["localeProvider"];
  readonly locale: string | null;
  readonly icu_rules: string | null;
  readonly bytes: string;
  readonly now: Date;
  readonly in_recovery: boolean;
}

/** What a restore must know of the session's database and server, and the server's time. PostgreSQL 13 to 18. */
export async function readServerFacts(
  session: Session,
): Promise<ServerFacts & { readonly now: Date; readonly inRecovery: boolean }> {
  const [row] = await session.query<DatabaseRow>(databaseSql);
  if (!row)
    throw new BackupError(
      "DATABASE_QUERY",
      `Cannot read about database "${session.target.database}": it does not list itself`,
    );
  const extensions = await session.query<{ name: string; version: string }>(
    "SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY 1",
  );
  const roles = await session.query<{ name: string }>(rolesSql);
  return {
    versionNumber: row.version_number,
    major: Math.floor(row.version_number / 10_000),
    version: row.version,
    databaseName: row.name,
    systemIdentifier: await systemIdentifier(session),
    encoding: row.encoding,
    localeProvider: row.provider,
    collate: row.collate,
    ctype: row.ctype,
    ...(row.locale !== null && { locale: row.locale }),
    ...(row.icu_rules !== null && { icuRules: row.icu_rules }),
    extensions,
    roles: roles.map((role) => role.name),
    databaseBytes: Number(row.bytes),
    now: row.now,
    inRecovery: row.in_recovery,
  };
}

/** Empty where a managed server forbids the question. */
async function systemIdentifier(session: Session): Promise<string> {
  try {
    const [row] = await session.query<{ id: string }>(
      "SELECT system_identifier::text AS id FROM pg_control_system()",
    );
    return row?.id ?? "";
  } catch (error) {
    if (error instanceof BackupError && error.code === "DATABASE_QUERY") return "";
    throw error;
  }
}
