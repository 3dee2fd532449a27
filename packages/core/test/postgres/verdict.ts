import { asBackupError } from "../../src/errors.ts";
import { systemProcesses } from "../../src/host/programs.ts";
import { type ConnectionTarget, programEnvironment } from "../../src/postgres/connection.ts";
import { connect } from "../../src/postgres/session.ts";

/** What came of one attempt: `tls`, `plain`, or an error code. */
export interface Verdict {
  readonly outcome: string;
  readonly message: string;
}

const sql =
  "SELECT coalesce((SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()), 'plain') AS outcome";

export async function sessionVerdict(target: ConnectionTarget): Promise<Verdict> {
  try {
    const session = await connect(target, { applicationName: "restorable/test" });
    const [row] = await session.query<{ outcome: string }>(sql);
    await session.close();
    return { outcome: row?.outcome ?? "", message: "" };
  } catch (error) {
    const known = asBackupError(error);
    return { outcome: known.code, message: known.message };
  }
}

/** The same with psql: `tls`, `plain`, or `failed`. */
export async function programVerdict(target: ConnectionTarget, binFolder: string): Promise<Verdict> {
  try {
    const said = await systemProcesses().run({
      program: `${binFolder}/psql`,
      args: ["-X", "-A", "-t", "-w", "-c", sql],
      env: programEnvironment(target),
    });
    return { outcome: said.stdout.trim(), message: said.stderr };
  } catch (error) {
    return { outcome: "failed", message: asBackupError(error).message };
  }
}
