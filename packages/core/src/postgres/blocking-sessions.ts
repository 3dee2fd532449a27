import type { Session } from "./session.ts";

/** A session that holds a lock for which one of ours waits. */
export interface Blocker {
  /** 0 stands for a prepared transaction, which no session holds. */
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  /** Milliseconds since its current or last query began. */
  readonly queryAgeMs: number;
  /** Qualified name of what is waited for; empty when it is no relation. */
  readonly relation: string;
  readonly waitingPid: number;
}

const sql = `
  SELECT blocker.pid, coalesce(b.usename, '') AS user, coalesce(b.application_name, '') AS application,
         coalesce(extract(epoch FROM clock_timestamp() - b.query_start) * 1000, 0)::float8 AS "queryAgeMs",
         coalesce(l.relation::regclass::text, '') AS relation, w.pid AS "waitingPid"
    FROM pg_stat_activity w
    CROSS JOIN LATERAL (SELECT DISTINCT unnest(pg_blocking_pids(w.pid)) AS pid) AS blocker
    LEFT JOIN pg_stat_activity b ON b.pid = blocker.pid
    LEFT JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted
   WHERE w.application_name = left($1, 63) AND w.wait_event_type = 'Lock'
   ORDER BY b.query_start, blocker.pid`;

/** Who makes the sessions of this application name wait, those that have held on longest first. */
export async function findBlockers(session: Session, applicationName: string): Promise<Blocker[]> {
  return session.query<Blocker>(sql, [applicationName]);
}
