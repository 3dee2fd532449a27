import { existsSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { ConnectionConfig } from "../config/config.ts";
import { type Secret, secret } from "../config/secret.ts";
import { BackupError } from "../errors.ts";
import { checkKeywords, parseConnectionUri } from "./connection-uri.ts";
import { type Passfile, passwordFor, readPassfile } from "./passfile.ts";
import { readService } from "./service-file.ts";
import { resolveTls, type TlsSettings } from "./tls.ts";

/** One server that may answer. */
export interface HostCandidate {
  /** Name or address, or the folder of a Unix socket, which begins with "/". */
  readonly host: string;
  /** Numeric; `host` then serves for the certificate alone. */
  readonly address?: string;
  readonly port: number;
  readonly password?: Secret;
}

const sessionAttributes = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;
export type SessionAttributes = (typeof sessionAttributes)[number];

/** Where to connect to, and as whom: every file and variable that libpq would ask has been asked. */
export interface ConnectionTarget {
  /** At least one, in the order in which to try them. */
  readonly hosts: readonly HostCandidate[];
  readonly user: string;
  readonly database: string;
  readonly tls: TlsSettings;
  readonly attributes: SessionAttributes;
  readonly channelBinding: "disable" | "prefer" | "require";
  /** Settings of the session, as in `-c work_mem=64MB`. */
  readonly options?: string;
  /** For one host; 0 waits without limit. */
  readonly connectTimeoutMs: number;
  /** Why the password file was passed over. */
  readonly passfileProblem?: string;
}

const variables: Readonly<Record<string, string>> = {
  host: "PGHOST",
  hostaddr: "PGHOSTADDR",
  port: "PGPORT",
  dbname: "PGDATABASE",
  user: "PGUSER",
  password: "PGPASSWORD",
  passfile: "PGPASSFILE",
  service: "PGSERVICE",
  options: "PGOPTIONS",
  connect_timeout: "PGCONNECT_TIMEOUT",
  target_session_attrs: "PGTARGETSESSIONATTRS",
  channel_binding: "PGCHANNELBINDING",
  gssencmode: "PGGSSENCMODE",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslcrl: "PGSSLCRL",
  sslnegotiation: "PGSSLNEGOTIATION",
};
const defaultPort = 5432;
const defaultTimeoutSeconds = 15;
/** What Debian and most packages build in; PostgreSQL's own default is /tmp. */
const socketFolder = "/var/run/postgresql";

/**
 * Finds out what libpq would: explicit settings (separate fields over those of the URI), service file, PG* variables,
 * password file, defaults. Connects to nothing.
 * @throws CONFIG_INVALID
 */
export async function resolveConnection(
  config: ConnectionConfig,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ConnectionTarget> {
  const home = environment["HOME"] || homedir();
  const explicit = present({
    ...(config.uri && parseConnectionUri(config.uri.reveal())),
    ...checkKeywords(config.parameters, "the connection"),
    ...(config.password && { password: config.password.reveal() }),
  });
  const fromVariables = present(
    Object.fromEntries(
      Object.entries(variables).map(([keyword, name]) => [keyword, environment[name] ?? ""]),
    ),
  );
  const service = explicit["service"] ?? fromVariables["service"];
  const fromService = service === undefined ? {} : present(await readService(service, environment, home));
  const parameters = { ...fromVariables, ...fromService, ...explicit };
  if (parameters["gssencmode"] === "require")
    throw new BackupError("CONFIG_INVALID", 'Cannot connect: gssencmode "require" is not supported');

  const user = parameters["user"] ?? systemUser();
  const database = parameters["dbname"] ?? user;
  const passfile =
    parameters["password"] === undefined
      ? await readPassfile(parameters["passfile"] ?? join(home, ".pgpass"))
      : { text: "" };
  return {
    hosts: hostCandidates(parameters, passfile, user, database),
    user,
    database,
    tls: await resolveTls(parameters, environment, home),
    attributes: oneOf(sessionAttributes, parameters["target_session_attrs"] ?? "any", "target_session_attrs"),
    channelBinding: oneOf(
      ["disable", "prefer", "require"] as const,
      parameters["channel_binding"] ?? "prefer",
      "channel_binding",
    ),
    connectTimeoutMs: timeoutMs(parameters["connect_timeout"]),
    ...(parameters["options"] !== undefined && { options: parameters["options"] }),
    ...(passfile.problem !== undefined && { passfileProblem: passfile.problem }),
  };
}

/** Every password in it, for the redactor. */
export function secretsOf(target: ConnectionTarget): readonly string[] {
  const secrets = [...target.hosts.map((candidate) => candidate.password), target.tls.keyPassphrase];
  return [...new Set(secrets.flatMap((found) => (found ? [found.reveal()] : [])))];
}

/** How a message names a host. */
export function hostName(candidate: HostCandidate): string {
  if (isSocket(candidate)) return `${candidate.host}/.s.PGSQL.${candidate.port}`;
  return candidate.host.includes(":")
    ? `[${candidate.host}]:${candidate.port}`
    : `${candidate.host}:${candidate.port}`;
}

export function isSocket(candidate: HostCandidate): boolean {
  return candidate.address === undefined && candidate.host.startsWith("/");
}

function hostCandidates(
  parameters: Readonly<Record<string, string>>,
  passfile: Passfile,
  user: string,
  database: string,
): readonly HostCandidate[] {
  const hosts = parameters["host"]?.split(",") ?? [];
  const addresses = parameters["hostaddr"]?.split(",") ?? [];
  const ports = parameters["port"]?.split(",") ?? [];
  const count = Math.max(hosts.length, addresses.length, 1);
  if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: ${hosts.length} hosts stand beside ${addresses.length} addresses in hostaddr`,
    );
  }
  if (ports.length > 1 && ports.length !== count)
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: ${ports.length} ports stand beside ${count} hosts`,
    );
  return Array.from({ length: count }, (_, index) => {
    const address = addresses[index] || undefined;
    const host = hosts[index] || address || (existsSync(socketFolder) ? socketFolder : "/tmp");
    const port = portNumber((ports.length === 1 ? ports[0] : ports[index]) || String(defaultPort));
    const wanted = { host: host === socketFolder ? "localhost" : host, port, database, user };
    const password = parameters["password"] ?? passwordFor(passfile.text, wanted);
    return {
      host,
      port,
      ...(address !== undefined && { address }),
      ...(password !== undefined && { password: secret(password) }),
    };
  });
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new BackupError("CONFIG_INVALID", `Cannot connect: "${text}" is no port`);
}

function timeoutMs(text: string | undefined): number {
  const seconds = Number(text ?? defaultTimeoutSeconds);
  if (!Number.isInteger(seconds))
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: connect_timeout "${text}" is no number of seconds`,
    );
  // libpq takes one second for two.
  return seconds <= 0 ? 0 : Math.max(seconds, 2) * 1000;
}

function oneOf<Value extends string>(known: readonly Value[], value: string, keyword: string): Value {
  const found = known.find((one) => one === value);
  if (found === undefined)
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: ${keyword} "${value}" is unknown; it is one of ${known.join(", ")}`,
    );
  return found;
}

/** An empty value counts as none. */
function present(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch (error) {
    throw new BackupError(
      "CONFIG_INVALID",
      "Cannot connect: no user is given, and this process has no name on this machine",
      { cause: error },
    );
  }
}

export { programEnvironment } from "./program-environment.ts";
