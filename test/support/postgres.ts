import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import {
  connect,
  initializeCluster,
  resolveConnection,
  secret,
  serverAccount,
  startScratchCluster,
  systemProcesses,
} from "@restorable/core";
import { makeCertificates, type TestCertificates } from "./certificates.ts";

/** The version that tests use unless they say otherwise. */
export const testMajor: number = Number(process.env["TEST_POSTGRES_MAJOR"] ?? 15);

export function binFolderOf(major: number): string {
  return `/usr/lib/postgresql/${major}/bin`;
}

/**
 * Why tests with a PostgreSQL server cannot run here, for `describe.skipIf(missingPostgres())`; undefined when they can.
 * @throws with REQUIRE_SERVICES=1, where a skip would hide a hole
 */
export function missingPostgres(major: number = testMajor): string | undefined {
  const folder = binFolderOf(major);
  const missing = ["initdb", "postgres", "pg_ctl", "psql", "pg_dump"].find(
    (program) => !existsSync(join(folder, program)),
  );
  if (missing === undefined) return undefined;
  const reason = `PostgreSQL ${major} is not installed: "${join(folder, missing)}" does not exist`;
  if (process.env["REQUIRE_SERVICES"] === "1") throw new Error(reason);
  console.warn(`Skipped: ${reason}`);
  return reason;
}

export interface TestClusterOptions {
  readonly major?: number;
  /** Server certificate for `localhost` and 127.0.0.1; `serverNames` replaces these, as openssl writes subjectAltName. */
  readonly tls?: boolean | { readonly serverNames: string; readonly clientName?: string };
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf for TCP; default: the password is asked for from everybody. */
  readonly rules?: readonly string[];
}

export interface TestCluster {
  readonly major: number;
  readonly binFolder: string;
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Superuser `postgres` needs no password here. */
  readonly socketFolder: string;
  readonly dataFolder: string;
  /** Of superuser `postgres` over TCP. */
  readonly password: string;
  /** A folder for the test's own files, 0711, removed by `stop`. */
  readonly folder: string;
  /** @throws unless the cluster was asked for with `tls` */
  certificates(): TestCertificates;
  /** UTF-8, from template0; `sql` then runs in it, any number of statements. */
  createDatabase(name: string, sql?: string): Promise<void>;
  /** Any number of statements as superuser, in one transaction; rows of the last. */
  query<Row extends object = Record<string, unknown>>(database: string, sql: string): Promise<Row[]>;
  /** Over TCP; as superuser with its password unless another user is named. */
  uri(database: string, user?: string, password?: string): string;
  stop(): Promise<void>;
}

/** A PostgreSQL server for one test file, up in half a second. */
export async function testCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const processes = systemProcesses();
  const major = options.major ?? testMajor;
  const binFolder = binFolderOf(major);
  const password = "superuser-Pa55/word:@ é";
  const folder = await mkdtemp(join(tmpdir(), "restorable-test-"));
  await chmod(folder, 0o711);
  let certificates: TestCertificates | undefined;
  let cluster: Awaited<ReturnType<typeof startScratchCluster>>;
  try {
    if (options.tls) certificates = await tlsFiles(folder, options.tls);
    cluster = await startScratchCluster({
      folder: join(folder, "cluster"),
      binFolder,
      processes,
      template: await template(major),
      auth: { password: secret(password), ...(options.rules && { rules: options.rules }) },
      settings: {
        ...(certificates && {
          ssl: "on",
          ssl_cert_file: certificates.serverCertificate,
          ssl_key_file: certificates.serverKey,
          ssl_ca_file: certificates.rootCertificate,
        }),
        ...options.settings,
      },
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const { port, socketFolder, dataFolder } = cluster;
  const query = async <Row extends object>(database: string, sql: string): Promise<Row[]> => {
    const session = await connect(await resolveConnection(cluster.connection(database), {}), {
      applicationName: "restorable/test-support",
    });
    try {
      await session.query("RESET search_path");
      return await session.query<Row>(sql);
    } finally {
      await session.close();
    }
  };
  return {
    major,
    binFolder,
    host: "127.0.0.1",
    port,
    socketFolder,
    dataFolder,
    password,
    folder,
    query,
    certificates() {
      if (!certificates) throw new Error("This cluster was started without TLS");
      return certificates;
    },
    async createDatabase(name, sql) {
      await query("postgres", `CREATE DATABASE "${name.replaceAll('"', '""')}" TEMPLATE template0`);
      if (sql !== undefined) await query(name, sql);
    },
    uri(database, user = "postgres", its = user === "postgres" ? password : undefined) {
      const credentials = encodeURIComponent(user) + (its === undefined ? "" : `:${encodeURIComponent(its)}`);
      return `postgresql://${credentials}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
    },
    async stop() {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function tlsFiles(
  folder: string,
  tls: Exclude<TestClusterOptions["tls"], undefined>,
): Promise<TestCertificates> {
  const processes = systemProcesses();
  const own = join(folder, "tls");
  await mkdir(own, { mode: 0o711 });
  const made = await makeCertificates(own, typeof tls === "object" ? tls : {});
  for (const path of [made.rootCertificate, made.strangerCertificate, made.serverCertificate])
    await chmod(path, 0o644);
  await chmod(made.serverKey, 0o600);
  await chmod(made.clientKey, 0o600);
  await (await serverAccount(processes)).own([made.serverKey]);
  return made;
}

/**
 * A data folder to copy, one per version and user on this machine: initdb takes longer than all the rest. Made aside and moved
 * into place, so that test files side by side never see half of one. In a folder that only we could have made.
 */
async function template(major: number): Promise<string> {
  const processes = systemProcesses();
  const account = await serverAccount(processes);
  const ours = userInfo().uid;
  const version = (
    await processes.run({ program: join(binFolderOf(major), "postgres"), args: ["--version"] })
  ).stdout.replaceAll(/[^\d.]+/g, "-");
  const base = join(tmpdir(), `restorable-templates-${ours}`);
  await mkdir(base, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  if ((await stat(base)).uid !== ours) throw new Error(`"${base}" belongs to somebody else`);
  const finished = join(base, `pg${version}`);
  if (existsSync(finished)) return finished;
  const aside = await mkdtemp(join(base, "new-"));
  await account.own([aside]);
  await initializeCluster({ dataFolder: join(aside, "data"), binFolder: binFolderOf(major), processes });
  await rename(join(aside, "data"), finished).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  await rm(aside, { recursive: true, force: true });
  return finished;
}
