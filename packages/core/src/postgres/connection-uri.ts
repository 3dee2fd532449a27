import { BackupError } from "../errors.ts";

/** What libpq knows and we carry out, in `pg` and in programs alike; `ssl=true` is JDBC's word for `sslmode=require`. */
const understood: ReadonlySet<string> = new Set([
  "host",
  "hostaddr",
  "port",
  "user",
  "password",
  "dbname",
  "service",
  "passfile",
  "options",
  "connect_timeout",
  "application_name",
  "fallback_application_name",
  "client_encoding",
  "target_session_attrs",
  "channel_binding",
  "gssencmode",
  "krbsrvname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
  "sslcrl",
  "sslnegotiation",
]);
/** What only tunes the transport, so that leaving it out changes no verdict. */
const ignored: ReadonlySet<string> = new Set([
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
  "tcp_user_timeout",
  "sslcompression",
  "sslsni",
  "load_balance_hosts",
  "gsslib",
]);

/**
 * Refuses keywords that would promise more than is done, for instance `require_auth`.
 * @throws CONFIG_INVALID
 */
export function checkKeywords(
  parameters: Readonly<Record<string, string>>,
  where: string,
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [keyword, value] of Object.entries(parameters)) {
    if (understood.has(keyword)) kept[keyword] = value;
    else if (!ignored.has(keyword))
      throw new BackupError(
        "CONFIG_INVALID",
        `Cannot read ${where}: the parameter "${keyword}" is not supported`,
      );
  }
  return kept;
}

/**
 * A connection URI as libpq's keywords: `postgresql://user:password@host:port,host:port/database?keyword=value`.
 * Several hosts become lists with commas. Messages never repeat the URI, which may hold a password.
 * @throws CONFIG_INVALID
 */
export function parseConnectionUri(uri: string): Readonly<Record<string, string>> {
  const scheme = /^postgres(?:ql)?:\/\//.exec(uri)?.[0];
  if (scheme === undefined) throw broken('it does not begin with "postgresql://"');
  const [location = "", ...query] = uri.slice(scheme.length).split("?");
  const slash = location.indexOf("/");
  const authority = slash === -1 ? location : location.slice(0, slash);
  const at = authority.indexOf("@");
  const found: Record<string, string> = { ...hosts(authority.slice(at + 1)) };
  if (at !== -1) Object.assign(found, credentials(authority.slice(0, at)));
  if (slash !== -1 && slash + 1 < location.length) found["dbname"] = decode(location.slice(slash + 1));
  Object.assign(found, queryParameters(query.join("?")));
  return checkKeywords(found, "the connection URI");
}

function credentials(text: string): Record<string, string> {
  const colon = text.indexOf(":");
  const user = decode(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? "" : decode(text.slice(colon + 1));
  return { ...(user && { user }), ...(password && { password }) };
}

function hosts(text: string): Record<string, string> {
  if (text === "") return {};
  const pairs = text.split(",").map((one) => {
    const parts = /^(\[[^\]]+\]|[^:[\]]*)(?::(\d*))?$/.exec(one);
    if (!parts)
      throw broken(
        'a host or its port is malformed; a password with "@", "/" or ":" must be percent-encoded',
      );
    return { host: decode((parts[1] ?? "").replace(/^\[|\]$/g, "")), port: parts[2] ?? "" };
  });
  const host = pairs.map((pair) => pair.host).join(",");
  const port = pairs.some((pair) => pair.port) ? pairs.map((pair) => pair.port).join(",") : "";
  return { ...(host && { host }), ...(port && { port }) };
}

function queryParameters(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text === "" ? [] : text.split("&")) {
    const [name, value, ...more] = pair.split("=");
    if (!name || value === undefined || more.length > 0)
      throw broken('a parameter is not of the form "keyword=value"');
    const keyword = decode(name);
    if (keyword === "ssl" && value === "true") found["sslmode"] = "require";
    else found[keyword] = decode(value);
  }
  return found;
}

function decode(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    if (!plain.includes("\0")) return plain;
  } catch {}
  throw broken("its percent-encoding is broken");
}

function broken(why: string): BackupError {
  return new BackupError("CONFIG_INVALID", `Cannot read the connection URI: ${why}`);
}
