import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Paths of certificates made for one test; each has its key. */
export interface TestCertificates {
  readonly folder: string;
  /** Authority that signed the server's and the client's certificate. */
  readonly rootCertificate: string;
  /** Authority that signed neither. */
  readonly strangerCertificate: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** The server is `localhost` and, unless names are given, also 127.0.0.1; the client is role `clientName`. */
export async function makeCertificates(
  folder: string,
  options: { readonly serverNames?: string; readonly clientName?: string } = {},
): Promise<TestCertificates> {
  const at = (name: string): string => join(folder, name);
  const openssl = async (...args: string[]): Promise<void> =>
    void (await promisify(execFile)("openssl", args));
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = (name: string): Promise<void> =>
    openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      at(`${name}.key`),
      "-out",
      at(`${name}.crt`),
      "-days",
      "2",
      "-subj",
      `/CN=Test authority ${name}`,
    );
  const signed = async (name: string, subject: string, alternatives?: string): Promise<void> => {
    await openssl(
      "req",
      ...newKey,
      "-keyout",
      at(`${name}.key`),
      "-out",
      at(`${name}.csr`),
      "-subj",
      `/CN=${subject}`,
    );
    await writeFile(
      at(`${name}.ext`),
      alternatives ? `subjectAltName=${alternatives}\n` : "basicConstraints=CA:FALSE\n",
    );
    await openssl(
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      "-CA",
      at("root.crt"),
      "-CAkey",
      at("root.key"),
      "-set_serial",
      `0x${Buffer.from(name).toString("hex")}`,
      "-days",
      "2",
      "-extfile",
      at(`${name}.ext`),
      "-out",
      at(`${name}.crt`),
    );
  };
  await Promise.all([authority("root"), authority("stranger")]);
  await signed("server", "localhost", options.serverNames ?? "DNS:localhost,IP:127.0.0.1");
  await signed("client", options.clientName ?? "certified");
  return {
    folder,
    rootCertificate: at("root.crt"),
    strangerCertificate: at("stranger.crt"),
    serverCertificate: at("server.crt"),
    serverKey: at("server.key"),
    clientCertificate: at("client.crt"),
    clientKey: at("client.key"),
  };
}
