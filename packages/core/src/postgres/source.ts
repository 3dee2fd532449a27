import type { ConnectionConfig } from "../config/config.ts";
import { BackupError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import { type Blocker, findBlockers } from "./blocking-sessions.ts";
import { type ClientPrograms, findClient } from "./client-programs.ts";
import { programEnvironment, resolveConnection } from "./connection.ts";
import { readServerFacts } from "./server-facts.ts";
import { connect } from "./session.ts";

/** A connected database and the programs that can dump it. */
export interface Source {
  readonly facts: Awaited<ReturnType<typeof readServerFacts>>;
  readonly client: ClientPrograms;
  readonly programEnvironment: Readonly<Record<string, string>>;
  /** Remembers who made the dump wait. `explain` names them in a DUMP_LOCKED error, and returns any other as it came. */
  watchBlockers(clock: Clock): { explain(error: unknown): unknown; stop(): void };
  close(): Promise<void>;
}

/** @param applicationName what the dump's sessions are called on the server: `restorable/<run>` */
export async function openSource(
  connection: ConnectionConfig,
  applicationName: string,
  host: {
    readonly processes: ProcessRunner;
    readonly environmentVariables: Readonly<Record<string, string | undefined>>;
  },
): Promise<Source> {
  const session = await connect(await resolveConnection(connection, host.environmentVariables), {
    applicationName: `${applicationName}/watch`,
  });
  try {
    const facts = await readServerFacts(session);
    const client = await findClient({ serverMajor: facts.major, processes: host.processes });
    return {
      facts,
      client,
      programEnvironment: { ...programEnvironment(session.target), PGAPPNAME: applicationName },
      watchBlockers(clock) {
        let last: readonly Blocker[] = [];
        const over = new AbortController();
        const look = async (): Promise<void> => {
          for (;;) {
            await clock.sleep(500, over.signal);
            const found = await findBlockers(session, applicationName);
            if (found.length > 0) last = found;
          }
        };
        look().catch(() => undefined);
        return {
          stop: () => over.abort(),
          explain: (error) =>
            error instanceof BackupError && error.code === "DUMP_LOCKED" ? nameBlockers(error, last) : error,
        };
      },
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

function nameBlockers(error: BackupError, blockers: readonly Blocker[]): BackupError {
  const [first] = blockers;
  if (!first) return error;
  return new BackupError(
    "DUMP_LOCKED",
    `Cannot dump: table "${first.relation}" stays locked by session ${first.pid} (user "${first.user}", application "${first.application}")`,
    {
      cause: error,
      hint: `Wait for it, or end it: SELECT pg_terminate_backend(${first.pid})`,
      details: { blockers },
    },
  );
}
