import { recoverSpool } from "../bytes/spool.ts";
import { randomText } from "../host/random.ts";
import { compactTime } from "../model/backup-id.ts";
import type { RunReport } from "../model/run-report.ts";
import type { RunEnvironment } from "./environment.ts";
import { busOf, runOn } from "./lifecycle.ts";
import { verifyChecksum } from "./verification.ts";

/**
 * Finishes what a killed run left in the spool: a sealed and verified set is stored by a small run of its own, anything else is
 * removed, since it never was a backup, as is one whose bytes have changed since. Nothing is rotated. A leftover that cannot
 * be stored stays for the next time.
 */
export async function recoverLeftovers(
  spool: string,
  environment: RunEnvironment,
): Promise<readonly RunReport[]> {
  const reports: RunReport[] = [];
  for (const { set, manifest } of await recoverSpool(spool)) {
    environment.log.info(`Finishing ${manifest.id}, which an earlier run left`);
    const runId = `${compactTime(environment.clock.now())}_${randomText(6)}`;
    const bus = busOf(runId, "recovery", environment.plugins, environment, () => set);
    const report = await runOn(bus, manifest.database, "recovery", environment, async () => {
      for (const part of manifest.parts)
        await verifyChecksum(part, set.pathOf(part.name), { signal: environment.signal });
      await bus.publish({ type: "verified", manifest });
    });
    reports.push(report);
    const damaged = report.failures.some(({ error }) => error.code === "VERIFICATION_FAILED");
    if (report.outcome === "succeeded" || damaged) await set.remove();
  }
  return reports;
}
