import { readFile } from "node:fs/promises";
import {
  type ConnectionConfig,
  connect,
  type Fingerprint,
  fingerprint,
  resolveConnection,
  secret,
} from "@restorable/core";
import type { TestCluster } from "./postgres.ts";

/** The demonstration's own sample database, with every kind of object that a dump must carry. */
export async function createShop(cluster: TestCluster, name: string): Promise<Fingerprint> {
  await cluster.createDatabase(name);
  await onDatabase(
    cluster,
    name,
    await readFile(new URL("../../packages/cli/assets/shop.sql", import.meta.url), "utf8"),
  );
  return await fingerprintOf(cluster, name);
}

function connectionTo(cluster: TestCluster, database: string): ConnectionConfig {
  return { uri: secret(uriOf(cluster, database)), parameters: {} };
}

/** Over the private socket, as superuser, without a password. */
export function uriOf(cluster: TestCluster, database: string): string {
  return `postgresql://postgres@/${database}?host=${cluster.socketFolder}&port=${cluster.port}&sslmode=disable`;
}

export async function onDatabase(
  cluster: TestCluster,
  database: string,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const session = await connect(await resolveConnection(connectionTo(cluster, database), {}), {
    applicationName: "test",
  });
  try {
    return await session.query(sql);
  } finally {
    await session.close();
  }
}

export async function fingerprintOf(cluster: TestCluster, database: string): Promise<Fingerprint> {
  const session = await connect(await resolveConnection(connectionTo(cluster, database), {}), {
    applicationName: "test",
  });
  try {
    return await fingerprint(session);
  } finally {
    await session.close();
  }
}
