import pg from "pg";
import { BackupError } from "../errors.ts";
import { type ConnectionTarget, type HostCandidate, hostName } from "./connection.ts";

export interface Failure {
  /** As a message names it. */
  readonly host: string;
  readonly error: unknown;
}

/** SQLSTATEs that pass by themselves: too many connections, shutting down, starting up. */
const passing: ReadonlySet<string> = new Set(["53300", "57P01", "57P02", "57P03"]);
/** A refusal that another host, or the same without TLS, would not lift. */
export function isServerError(error: unknown): boolean {
  if (error instanceof BackupError) return error.code === "DATABASE_REFUSED";
  return error instanceof pg.DatabaseError && error.code !== "57P03";
}

/** One error for all that was tried; no message of libpq's or the server's holds a password. */
export function connectionError(failures: readonly Failure[], target: ConnectionTarget): BackupError {
  const [first] = failures;
  const refusal = failures.find(({ error }) => isRefusal(error));
  if (refusal?.error instanceof BackupError) return refusal.error;
  if (refusal) {
    return new BackupError(
      "DATABASE_REFUSED",
      `Cannot log in to database "${target.database}" as "${target.user}" on ${refusal.host}: ${reason(refusal.error)}`,
      { cause: refusal.error },
    );
  }
  const all = failures.map(({ host, error }) => `${host}: ${reason(error)}`).join("; ");
  return new BackupError("DATABASE_UNREACHABLE", `Cannot reach the database server at ${all}`, {
    cause: first?.error,
  });
}

export function queryError(error: unknown, target: ConnectionTarget): BackupError {
  const sqlState = error instanceof pg.DatabaseError ? error.code : undefined;
  return new BackupError("DATABASE_QUERY", `Cannot query database "${target.database}": ${reason(error)}`, {
    cause: error,
    ...(sqlState && { details: { sqlState } }),
  });
}

export function lostConnection(error: unknown, candidate: HostCandidate): BackupError {
  return new BackupError(
    "DATABASE_UNREACHABLE",
    `Cannot go on with the database server at ${hostName(candidate)}: ${reason(error)}`,
    { cause: error },
  );
}

function isRefusal(error: unknown): boolean {
  if (error instanceof BackupError) return true;
  if (error instanceof pg.DatabaseError) return !passing.has(error.code ?? "");
  const { code, message } = described(error);
  return (
    /TLS|SSL|CERT|SIGNED|VERIFY|CRL|SASL|SCRAM|^EPROTO/i.test(code) ||
    /SSL|SASL|SCRAM|certificate|alert/i.test(message)
  );
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "no such socket",
  EACCES: "no permission for the socket",
  ENOTFOUND: "unknown host name",
  EAI_AGAIN: "the host name cannot be looked up now",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to its network",
  ECONNRESET: "the connection was reset",
};

function reason(error: unknown): string {
  const { code, message } = described(error);
  if (message === "timeout expired") return "timed out";
  return words[code] ?? (message || code);
}

/** `pg` and Node throw errors with and without code, and Node's for several addresses has no message. */
function described(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: "", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { code, message: error.message };
}
