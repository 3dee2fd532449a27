import type { Session } from "./session.ts";
import { quoteIdentifier, quoteLiteral } from "./target-database.ts";

/** What a database holds: table, sequence or large objects → a text that is equal if and only if the content is. */
export type Fingerprint = Readonly<Record<string, string>>;

/**
 * Exact row count and order-free content hash of every table and materialised view, state of every sequence, hash of every
 * large object, and the number of other objects by kind. Columns are hashed in name order, since a restore of inherited tables
 * may reorder them.
 */
export async function fingerprint(session: Session): Promise<Fingerprint> {
  await session.query(`SELECT set_config(name, value, false) FROM (VALUES ('search_path', ''), ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '3'), ('row_security', 'off')) AS settings(name, value)`);
  const found: Record<string, string> = {};
  const tables = await session.query<{ schema: string; name: string; columns: string[] }>(`
    SELECT n.nspname AS schema, c.relname AS name, array_agg(a.attname::text ORDER BY a.attname) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
    GROUP BY 1, 2 ORDER BY 1, 2`);
  for (const { schema, name, columns } of tables) {
    const row = `ROW(${columns.map(quoteIdentifier).join(", ")})::text`;
    const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
    const [sum] = await session.query<{ rows: string; hash: string }>(
      `SELECT count(*)::text AS rows, coalesce(sum(hashtextextended(${row}, 0)::numeric), 0)::text AS hash FROM ONLY ${table}`,
    );
    found[`table ${schema}.${name}`] = `${sum?.rows} rows, ${sum?.hash}`;
  }
  const sequences = await session.query<{ schema: string; name: string }>(
    "SELECT schemaname AS schema, sequencename AS name FROM pg_sequences ORDER BY 1, 2",
  );
  for (const { schema, name } of sequences) {
    const [state] = await session.query<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`,
    );
    found[`sequence ${schema}.${name}`] = `${state?.last} ${state?.called}`;
  }
  const [large] = await session.query<{ objects: string; hash: string }>(
    "SELECT count(*)::text AS objects, coalesce(sum(hashtextextended(oid || ' ' || encode(lo_get(oid), 'hex'), 0)::numeric), 0)::text AS hash FROM pg_largeobject_metadata",
  );
  found["large objects"] = `${large?.objects} objects, ${large?.hash}`;
  const kinds = await session.query<{ kind: string; objects: string }>(`
    SELECT * FROM (
      SELECT 'relation ' || relkind::text AS kind, count(*)::text AS objects FROM pg_class WHERE oid >= 16384 AND relnamespace <> ${namespaceOf("pg_toast")} GROUP BY 1
      UNION ALL SELECT 'constraint ' || contype::text, count(*)::text FROM pg_constraint WHERE oid >= 16384 GROUP BY 1
      UNION ALL SELECT 'function', count(*)::text FROM pg_proc WHERE oid >= 16384
      UNION ALL SELECT 'trigger', count(*)::text FROM pg_trigger WHERE NOT tgisinternal) AS counted ORDER BY kind`);
  for (const { kind, objects } of kinds) found[`number of ${kind}`] = objects;
  return found;
}

/** What differs between two fingerprints, in words; empty when they are equal. */
export function compareFingerprints(before: Fingerprint, after: Fingerprint): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name}: ${before[name] ?? "absent"} became ${after[name] ?? "absent"}`);
}

function namespaceOf(name: string): string {
  return `${quoteLiteral(name)}::regnamespace`;
}
