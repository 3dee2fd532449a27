import { Socket } from "node:net";
import pg from "pg";
import { BackupError } from "../errors.ts";
import { type ConnectionTarget, type HostCandidate, hostName, isSocket } from "./connection.ts";
import {
  connectionError,
  type Failure,
  isServerError,
  lostConnection,
  queryError,
} from "./session-errors.ts";
import { sessionSettings } from "./session-settings.ts";
import { tlsAttempts, tlsOptions } from "./tls.ts";

/** A connection of our own: every time limit off, every format of output fixed, an empty search path. */
export interface Session {
  /**
   * Without parameters any number of statements, in one transaction: then the rows of the last.
   * @throws DATABASE_QUERY, or DATABASE_UNREACHABLE when the connection is lost
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<Row[]>;
  /** With the one host that answered and its numeric address, so that programs reach the same server. */
  readonly target: ConnectionTarget;
  /** May be called twice; never fails. */
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Another database than the target's. */
  readonly database?: string;
  /** What the session is called on the server. */
  readonly applicationName: string;
  readonly readOnly?: boolean;
  /** Ends the session, also a connected one; calls reject with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to the first host that answers, trying TLS as sslmode says. A server's refusal (password, database) ends the search.
 * @throws DATABASE_UNREACHABLE, DATABASE_REFUSED
 */
export async function connect(target: ConnectionTarget, options: SessionOptions): Promise<Session> {
  const wanted: ConnectionTarget = { ...target, database: options.database ?? target.database };
  const failures: Failure[] = [];
  for (const attributes of wanted.attributes === "prefer-standby"
    ? (["standby", "any"] as const)
    : [wanted.attributes]) {
    for (const candidate of wanted.hosts) {
      const session = await connectTo(candidate, { ...wanted, attributes }, options, failures);
      if (session) return session;
    }
  }
  throw connectionError(failures, wanted);
}

/** A session, or undefined when the next host may do better; what went wrong is added to `failures`. */
async function connectTo(
  candidate: HostCandidate,
  target: ConnectionTarget,
  options: SessionOptions,
  failures: Failure[],
): Promise<Session | undefined> {
  const failed: Failure[] = [];
  for (const tls of tlsAttempts(target.tls.mode, isSocket(candidate))) {
    try {
      const session = await open(candidate, target, tls, options);
      if (await suits(session, target)) return session;
      await session.close();
      failures.push({
        host: hostName(candidate),
        error: new Error(`the server is not ${target.attributes}`),
      });
      return undefined;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      failed.push({ host: hostName(candidate), error });
    }
  }
  const told = failed.find(({ error }) => isServerError(error)) ?? failed.at(-1);
  if (told) failures.push(told);
  if (told && isServerError(told.error)) throw connectionError([told], target);
  return undefined;
}

async function open(
  candidate: HostCandidate,
  target: ConnectionTarget,
  tls: boolean,
  options: SessionOptions,
): Promise<Session> {
  options.signal?.throwIfAborted();
  const socket = new Socket();
  const client = new pg.Client({
    host: candidate.address ?? candidate.host,
    port: candidate.port,
    user: target.user,
    database: target.database,
    password: () => passwordOf(candidate, target),
    ssl: tls ? await tlsOptions(target.tls, candidate.host) : false,
    sslnegotiation: target.tls.negotiation,
    enableChannelBinding: target.channelBinding === "require",
    application_name: options.applicationName,
    // Never empty: `pg` would take PGOPTIONS of this process instead.
    options: target.options ?? "-c statement_timeout=0",
    connectionTimeoutMillis: target.connectTimeoutMs,
    keepAlive: true,
    stream: () => socket,
  });
  let broken: Error | undefined;
  // A lost connection is told by the next query; unheard, the event would end the process.
  client.on("error", (error) => {
    broken ??= error;
  });
  const abort = (): void => void socket.destroy();
  options.signal?.addEventListener("abort", abort, { once: true });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    options.signal?.removeEventListener("abort", abort);
    closed ??= client.end().catch(() => undefined);
    return closed;
  };
  try {
    await client.connect();
    if (target.channelBinding === "require" && !tls)
      throw new BackupError(
        "DATABASE_REFUSED",
        'Cannot connect: channel_binding is "require", and the connection has no TLS',
      );
    await client.query(sessionSettings.text, sessionSettings.values(options.readOnly ?? false));
    await client.query("SET client_connection_check_interval = '1s'").catch(() => undefined); // before 14, and where the system lacks it
  } catch (error) {
    socket.destroy();
    void close();
    throw error;
  }
  const address = candidate.address ?? (isSocket(candidate) ? undefined : socket.remoteAddress);
  return {
    target: { ...target, hosts: [{ ...candidate, ...(address !== undefined && { address }) }] },
    close,
    async query<Row extends object>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
      options.signal?.throwIfAborted();
      try {
        const results: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(sql, [
          ...parameters,
        ]);
        return (Array.isArray(results) ? results.at(-1)?.rows : results.rows) ?? [];
      } catch (error) {
        if (options.signal?.aborted) throw options.signal.reason;
        throw isServerError(error) && !broken
          ? queryError(error, target)
          : lostConnection(broken ?? error, candidate);
      }
    },
  };
}

function passwordOf(candidate: HostCandidate, target: ConnectionTarget): string {
  if (candidate.password) return candidate.password.reveal();
  const why = target.passfileProblem ? `; ${target.passfileProblem}` : "";
  throw new BackupError(
    "DATABASE_REFUSED",
    `Cannot log in to database "${target.database}" as "${target.user}" on ${hostName(candidate)}: the server wants a password, and none is given${why}`,
  );
}

async function suits(session: Session, { attributes }: ConnectionTarget): Promise<boolean> {
  if (attributes === "any") return true;
  const [state] = await session.query<{ standby: boolean; readonly: boolean }>(
    "SELECT pg_is_in_recovery() AS standby, pg_is_in_recovery() OR reset_val = 'on' AS readonly FROM pg_settings WHERE name = 'default_transaction_read_only'",
  );
  if (!state) return false;
  if (attributes === "read-write") return !state.readonly;
  if (attributes === "read-only") return state.readonly;
  return attributes === "primary" ? !state.standby : state.standby;
}
