export { bytesArtifact, fileArtifact } from "./bytes/artifact.ts";
export { hashFile } from "./bytes/hash-file.ts";
export { type BackupSet, type Catalog, findSet, readCatalog } from "./catalog/catalog.ts";
export { removeSet } from "./catalog/remove-set.ts";
export { planRotation, type Retention, type RotationPlan } from "./catalog/retention.ts";
export * from "./config/config.ts";
export { exposedConfig } from "./config/exposure.ts";
export { findConfigFile } from "./config/find-config-file.ts";
export {
  type ConfigReading,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
  type Provenance,
  readConfig,
} from "./config/load.ts";
export { invalidConfig, type Mistake } from "./config/mistakes.ts";
export { redactor } from "./config/redact.ts";
export { configSchema } from "./config/schema.ts";
export { type Secret, secret } from "./config/secret.ts";
export { asBackupError, BackupError, type ErrorCode, type ErrorInfo, errorTable } from "./errors.ts";
export * from "./events.ts";
export { diskError, freeBytes, privateFolder, syncFolder } from "./host/durable-file.ts";
export { systemProcesses } from "./host/programs.ts";
export { randomText } from "./host/random.ts";
export { systemClock } from "./host/system-clock.ts";
export * from "./model/backup-id.ts";
export * from "./model/digest.ts";
export * from "./model/manifest.ts";
export * from "./model/object-key.ts";
export * from "./model/parse-manifest.ts";
export * from "./model/run-report.ts";
export { type InstalledPlugin, listInstalledPlugins } from "./plugin/installed-plugins.ts";
export {
  type LoadedPlugin,
  type LoadPluginsOptions,
  loadPlugins,
  setUpPlugins,
} from "./plugin/load-plugins.ts";
export * from "./plugin/plugin.ts";
export { type PluginResolution, type ResolvedPlugin, resolvePlugins } from "./plugin/resolve-plugins.ts";
export { storagePlugin } from "./plugin/storage-plugin.ts";
export { store } from "./plugin/store.ts";
export * from "./ports/clock.ts";
export * from "./ports/destination.ts";
export * from "./ports/logger.ts";
export * from "./ports/process-runner.ts";
export * from "./ports/stage.ts";
export { findServerFolder } from "./postgres/client-programs.ts";
export { resolveConnection } from "./postgres/connection.ts";
export { compareFingerprints, type Fingerprint, fingerprint } from "./postgres/fingerprint.ts";
export { initializeCluster, serverAccount, startScratchCluster } from "./postgres/scratch-cluster.ts";
export { connect, type Session } from "./postgres/session.ts";
export { backup } from "./run/backup.ts";
export { batchExit, chooseDatabases } from "./run/batch.ts";
export type { BackupSettings, Progress, RunEnvironment } from "./run/environment.ts";
export { type RestoreReport, restore } from "./run/restore.ts";
export { planRotations, type RotationResult, rotateNow } from "./run/rotate.ts";
export { chosenStorages, findStoredSet, readCatalogs } from "./run/stored-set.ts";
export { type VerifyResult, verifyStored } from "./run/verify.ts";
