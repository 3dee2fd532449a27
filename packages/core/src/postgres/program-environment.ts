import type { ConnectionTarget } from "./connection.ts";

/** A path at which nothing can ever be, so that libpq finds no default file, and says nothing about it either. */
const nowhere = "/dev/null/none";

/**
 * Variables with which pg_dump, pg_restore and psql go where our own session goes, and ask no file on the way.
 * Meant for a child whose environment holds no other PG* variable. Holds the password: never for an argument or a message.
 */
export function programEnvironment(target: ConnectionTarget): Record<string, string> {
  const { hosts, tls } = target;
  const password = hosts.find((candidate) => candidate.password)?.password?.reveal();
  const pinned = hosts.every((candidate) => candidate.address !== undefined);
  return {
    PGHOST: hosts.map((candidate) => candidate.host).join(","),
    PGPORT: hosts.map((candidate) => candidate.port).join(","),
    ...(pinned && { PGHOSTADDR: hosts.map((candidate) => candidate.address).join(",") }),
    PGUSER: target.user,
    PGDATABASE: target.database,
    ...(password !== undefined && { PGPASSWORD: password }),
    PGPASSFILE: nowhere,
    PGSSLMODE: tls.mode,
    PGSSLROOTCERT: tls.rootCertificates,
    PGSSLCERT: tls.certificate,
    PGSSLKEY: tls.key,
    PGSSLCRL: tls.revoked,
    ...(tls.negotiation === "direct" && { PGSSLNEGOTIATION: "direct" }),
    PGCHANNELBINDING: target.channelBinding,
    // Our own session cannot use it, and pg_hba.conf may treat such sessions differently.
    PGGSSENCMODE: "disable",
    ...(target.options !== undefined && { PGOPTIONS: target.options }),
    PGCONNECT_TIMEOUT: String(target.connectTimeoutMs / 1000),
    PGAPPNAME: "restorable",
  };
}
