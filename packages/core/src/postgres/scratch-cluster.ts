import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionConfig } from "../config/config.ts";
import type { Secret } from "../config/secret.ts";
import { asBackupError, BackupError } from "../errors.ts";
import { systemProcesses } from "../host/programs.ts";
import type { Command, ProcessRunner, RunningChain } from "../ports/process-runner.ts";
import { resolveConnection } from "./connection.ts";
import { connect } from "./session.ts";
import { quoteLiteral } from "./target-database.ts";

export interface ScratchClusterOptions {
  /** For its data alone: made when missing, removed at the end. As root, user `postgres` must be able to reach it. */
  readonly folder: string;
  /** Where initdb and postgres lie, for instance /usr/lib/postgresql/15/bin. */
  readonly binFolder: string;
  readonly processes?: ProcessRunner;
  /** Lines of postgresql.conf, over the fast and careless ones that a throw-away cluster has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lets it listen on 127.0.0.1 too, where the superuser then needs this password. Without, only its private socket opens. */
  readonly auth?: {
    readonly password: Secret /** Rules of pg_hba.conf for TCP, instead of scram-sha-256 for all. */;
    readonly rules?: readonly string[];
  };
  /** A data folder made by `initializeCluster`, to be copied, which is faster than making one. */
  readonly template?: string;
  readonly signal?: AbortSignal;
}

/** A running PostgreSQL of our own. It ends with this process. */
export interface ScratchCluster {
  readonly folder: string;
  readonly dataFolder: string;
  readonly socketFolder: string;
  readonly port: number;
  /** As superuser `postgres` over the private socket. */
  connection(database?: string): ConnectionConfig;
  /** Restarts the server as one that outlives this process. @returns what a person types to stop it */
  detach(): Promise<string>;
  /** Stops the server and removes the folder. May be called twice. */
  stop(): Promise<void>;
}

const careless: Readonly<Record<string, string>> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "32MB",
  max_wal_size: "1GB",
  autovacuum_naptime: "1min",
  unix_socket_permissions: "0700",
  log_min_messages: "warning",
};
/** Below the limit of 107 with room for the file's own name. */
const longestSocketFolder = 80;
const startDeadlineMs = 60_000;
const pauseMs = 25;

/** @throws SETUP_INCOMPLETE, PROGRAM_FAILED */
export async function startScratchCluster(options: ScratchClusterOptions): Promise<ScratchCluster> {
  const processes = options.processes ?? systemProcesses();
  const account = await serverAccount(processes);
  const dataFolder = join(options.folder, "data");
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  let socketFolder = join(options.folder, "s");
  if (Buffer.byteLength(socketFolder) > longestSocketFolder)
    socketFolder = await mkdtemp(join(tmpdir(), "restorable-s-"));
  else await mkdir(socketFolder, { mode: 0o700 });
  await account.own([options.folder, socketFolder]);
  let running: RunningChain | undefined;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= end());
  const end = async (): Promise<void> => {
    if (running) {
      const halt = account.as({
        program: join(options.binFolder, "pg_ctl"),
        args: ["stop", "-D", dataFolder, "-m", "fast", "-w", "-s"],
      });
      await processes.run(halt).catch(() => undefined);
      await running.done.catch(() => undefined);
    }
    await rm(options.folder, { recursive: true, force: true });
    await rm(socketFolder, { recursive: true, force: true });
  };
  try {
    if (options.template === undefined)
      await initializeCluster({ dataFolder, binFolder: options.binFolder, processes });
    else await processes.run(account.as({ program: "cp", args: ["-a", options.template, dataFolder] }));
    const rules = options.auth ? (options.auth.rules ?? ["host all all 127.0.0.1/32 scram-sha-256"]) : [];
    await writeFile(
      join(dataFolder, "pg_hba.conf"),
      ["local all all trust", "local replication all trust", ...rules, ""].join("\n"),
    );
    for (let attempt = 1; ; attempt++) {
      const port = options.auth ? await freePort() : 5432;
      await configure(dataFolder, {
        ...careless,
        listen_addresses: options.auth ? "127.0.0.1" : "",
        unix_socket_directories: socketFolder,
        port: String(port),
        ...options.settings,
      });
      running = await processes.start(
        [account.as({ program: join(options.binFolder, "postgres"), args: ["-D", dataFolder] })],
        options.signal && { signal: options.signal },
      );
      running.output.resume();
      try {
        await ready(running, dataFolder);
        const connection = (database = "postgres"): ConnectionConfig => ({
          parameters: {
            host: socketFolder,
            port: String(port),
            user: "postgres",
            dbname: database,
            sslmode: "disable",
          },
        });
        if (options.auth) await setPassword(connection(), options.auth.password);
        const detach = async (): Promise<string> => {
          const control = (args: readonly string[]): Command =>
            account.as({
              program: join(options.binFolder, "pg_ctl"),
              args: ["-D", dataFolder, "-w", "-s", ...args],
            });
          await processes.run(control(["-m", "fast", "stop"]));
          await running?.done.catch(() => undefined);
          await processes.run(control(["-l", join(dataFolder, "server.log"), "start"]));
          const { program, args } = control(["stop"]);
          return [program, ...args].join(" ");
        };
        return { folder: options.folder, dataFolder, socketFolder, port, connection, detach, stop };
      } catch (error) {
        // Somebody took the port between our looking and the server's.
        if (attempt >= 5 || !/could not bind|could not create any TCP/.test(asBackupError(error).message))
          throw error;
      }
    }
  } catch (error) {
    await stop();
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

/** Makes a data folder, superuser `postgres`, UTF-8, one-megabyte WAL files. As root it will belong to user `postgres`. */
export async function initializeCluster(options: {
  readonly dataFolder: string;
  readonly binFolder: string;
  readonly processes: ProcessRunner;
}): Promise<void> {
  const account = await serverAccount(options.processes);
  const args = [
    "-D",
    options.dataFolder,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
    "--wal-segsize=1",
    "--no-sync",
    "--no-instructions",
  ];
  await options.processes.run(account.as({ program: join(options.binFolder, "initdb"), args }));
}

interface ServerAccount {
  as(command: Command): Command;
  own(folders: readonly string[]): Promise<void>;
}

/** PostgreSQL refuses to run as root: then user `postgres` runs it, else whoever we are. */
export async function serverAccount(processes: ProcessRunner): Promise<ServerAccount> {
  if (!isRoot()) return { as: (command) => command, own: async () => undefined };
  const known = await processes.run({ program: "id", args: ["-u", "postgres"] }).catch(() => undefined);
  if (!known || !(await processes.find("setpriv"))) {
    throw new BackupError(
      "SETUP_INCOMPLETE",
      'Cannot run PostgreSQL as root: there is no user "postgres", or no program "setpriv"',
      { hint: "Install the package postgresql, or run as an ordinary user" },
    );
  }
  return {
    // The change of user drops the signal that tells of our death, so it is asked for again.
    as: (command) => ({
      ...command,
      cwd: "/",
      program: "setpriv",
      args: [
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "--pdeathsig",
        "TERM",
        "--",
        command.program,
        ...command.args,
      ],
    }),
    async own(folders) {
      await processes.run({ program: "chown", args: ["postgres:postgres", "--", ...folders] });
    },
  };
}

async function configure(dataFolder: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  await appendFile(join(dataFolder, "postgresql.conf"), `\n${lines.join("\n")}\n`);
}

/** The eighth line of postmaster.pid says how far the server is; pg_ctl looks there too. */
async function ready(running: RunningChain, dataFolder: string): Promise<void> {
  const ended = running.done.then(
    () => new BackupError("PROGRAM_FAILED", 'Cannot start "postgres": it ended at once'),
    (error: unknown) => asBackupError(error),
  );
  for (let waitedMs = 0; waitedMs < startDeadlineMs; waitedMs += pauseMs) {
    const pidFile = await readFile(join(dataFolder, "postmaster.pid"), "utf8").catch(() => "");
    if (pidFile.split("\n")[7]?.trim() === "ready") return;
    const failure = await Promise.race([ended, sleep(pauseMs)]);
    if (failure) throw failure;
  }
  throw new BackupError(
    "PROGRAM_FAILED",
    `Cannot start "postgres": it was not ready after ${startDeadlineMs / 1000} s`,
  );
}

async function setPassword(connection: ConnectionConfig, password: Secret): Promise<void> {
  const session = await connect(await resolveConnection(connection, {}), {
    applicationName: "restorable/scratch",
  });
  try {
    await session.query(`ALTER ROLE postgres PASSWORD ${quoteLiteral(password.reveal())}`);
  } finally {
    await session.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) =>
    server.once("error", failed).listen(0, "127.0.0.1", listening),
  );
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string")
    throw new BackupError("BUG", "Cannot find a free port: the system named none");
  return address.port;
}

function isRoot(): boolean {
  try {
    return userInfo().uid === 0;
  } catch {
    return false; // a number without a name is no root
  }
}
