/**
 * Time limits off, since our snapshot idles all through a dump, and every setting that changes how a value is written as text.
 * Settings that a version lacks are passed over.
 */
const settings: Readonly<Record<string, string>> = {
  search_path: "",
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  transaction_timeout: "0",
  row_security: "off",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  timezone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "3",
  lc_monetary: "C",
  xmloption: "content",
  synchronize_seqscans: "off",
  standard_conforming_strings: "on",
};

export const sessionSettings: { readonly text: string; values(readOnly: boolean): unknown[] } = {
  text: `SELECT pg_catalog.set_config(s.name, v.value, false)
    FROM pg_catalog.pg_settings s JOIN ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS v(name, value)
    ON pg_catalog.lower(s.name) = v.name`,
  values(readOnly) {
    const wanted = { ...settings, ...(readOnly && { default_transaction_read_only: "on" }) };
    return [Object.keys(wanted), Object.values(wanted)];
  },
};
