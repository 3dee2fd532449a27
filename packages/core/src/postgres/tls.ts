import { readFile, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import type { Secret } from "../config/secret.ts";
import { secret } from "../config/secret.ts";
import { BackupError } from "../errors.ts";

const tlsModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type TlsMode = (typeof tlsModes)[number];

/** How far TLS is insisted on, in libpq's words and with libpq's meaning. Files are absolute paths. */
export interface TlsSettings {
  readonly mode: TlsMode;
  /** Certificates of authorities. When the file exists, every mode checks the chain; `verify-ca` and `verify-full` need it. */
  readonly rootCertificates: string;
  readonly certificate: string;
  readonly key: string;
  readonly keyPassphrase?: Secret;
  readonly revoked: string;
  readonly negotiation: "postgres" | "direct";
}

const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** @throws CONFIG_INVALID */
export async function resolveTls(
  parameters: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Promise<TlsSettings> {
  const system = parameters["sslrootcert"] === "system";
  const mode = tlsModes.find(
    (known) => known === (parameters["sslmode"] ?? (system ? "verify-full" : "prefer")),
  );
  if (!mode)
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: sslmode "${parameters["sslmode"]}" is unknown; it is one of ${tlsModes.join(", ")}`,
    );
  if (system && mode !== "verify-full")
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: sslrootcert "system" needs sslmode "verify-full", not "${mode}"`,
    );
  const direct = parameters["sslnegotiation"] === "direct";
  if (direct && tlsModes.indexOf(mode) < tlsModes.indexOf("require"))
    throw new BackupError(
      "CONFIG_INVALID",
      `Cannot connect: sslnegotiation "direct" needs sslmode "require" or stronger, not "${mode}"`,
    );
  const own = (name: string): string => join(home, ".postgresql", name);
  return {
    mode,
    rootCertificates: system
      ? await systemBundle(environment)
      : (parameters["sslrootcert"] ?? own("root.crt")),
    certificate: parameters["sslcert"] ?? own("postgresql.crt"),
    key: parameters["sslkey"] ?? own("postgresql.key"),
    ...(parameters["sslpassword"] !== undefined && { keyPassphrase: secret(parameters["sslpassword"]) }),
    revoked: parameters["sslcrl"] ?? own("root.crl"),
    negotiation: direct ? "direct" : "postgres",
  };
}

/** The machine's authorities as a file, which every version of libpq reads; the word `system` only 16 and later understand. */
async function systemBundle(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const path of [environment["SSL_CERT_FILE"], ...systemBundles])
    if (path && (await exists(path))) return path;
  throw new BackupError(
    "CONFIG_INVALID",
    'Cannot use sslrootcert "system": this machine has no file of certificate authorities',
    { hint: "Install the package ca-certificates" },
  );
}

/** What to try on one host, in order: `false` is a plain connection. Sockets never carry TLS. */
export function tlsAttempts(mode: TlsMode, socket: boolean): readonly boolean[] {
  if (socket || mode === "disable") return [false];
  if (mode === "allow") return [false, true];
  return mode === "prefer" ? [true, false] : [true];
}

/**
 * Options for Node's TLS that give libpq's verdict.
 * @throws DATABASE_REFUSED when a file is missing or exposed
 */
export async function tlsOptions(settings: TlsSettings, host: string): Promise<ConnectionOptions> {
  const ca = await contents(settings.rootCertificates);
  const crl = ca && (await contents(settings.revoked));
  if (!ca && settings.mode.startsWith("verify")) {
    throw new BackupError(
      "DATABASE_REFUSED",
      `Cannot verify the server's certificate: sslmode is "${settings.mode}" and there is no file "${settings.rootCertificates}"`,
    );
  }
  const named = settings.mode === "verify-full";
  return {
    ...(ca && { ca }),
    ...(crl && { crl }),
    ...(await clientCertificate(settings)),
    ...(isIP(host) === 0 && { servername: host }),
    minVersion: "TLSv1.2",
    rejectUnauthorized: ca !== undefined,
    checkServerIdentity: (_, certificate) => (named ? checkServerIdentity(host, certificate) : undefined),
  };
}

async function clientCertificate(settings: TlsSettings): Promise<ConnectionOptions> {
  const cert = await contents(settings.certificate);
  if (!cert) return {};
  const found = await stat(settings.key).catch(() => undefined);
  if (!found?.isFile())
    throw new BackupError(
      "DATABASE_REFUSED",
      `Cannot use the certificate "${settings.certificate}": there is no key file "${settings.key}"`,
    );
  if ((found.mode & (found.uid === 0 ? 0o037 : 0o077)) !== 0)
    throw new BackupError(
      "DATABASE_REFUSED",
      `Cannot use the key file "${settings.key}": others may read it`,
      { hint: "Run 'chmod 600' on it" },
    );
  const key = await readFile(settings.key);
  return { cert, key, ...(settings.keyPassphrase && { passphrase: settings.keyPassphrase.reveal() }) };
}

async function contents(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BackupError("DATABASE_REFUSED", `Cannot read "${path}" for TLS: ${code}`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
