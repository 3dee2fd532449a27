import type { Progress } from "@restorable/core";
import { formatBytes } from "../format.ts";

export interface ProgressReporter {
  update(progress: Progress): void;
  /** Wipes the line, so that other output starts clean. */
  clear(): void;
}

/** One moving line with rate and time left on a terminal; one plain line every half minute without. Writes to stderr. */
export function progressReporter(output: NodeJS.WriteStream, now: () => number): ProgressReporter {
  const everyMs = output.isTTY ? 200 : 30_000;
  let stage = "";
  let begun = now();
  let shownAt = now();
  return {
    update(progress) {
      if (progress.stage !== stage) {
        stage = progress.stage;
        begun = now();
        if (output.isTTY) shownAt = 0;
      }
      if (now() - shownAt < everyMs) return;
      shownAt = now();
      const line = describe(progress, (now() - begun) / 1000);
      output.write(output.isTTY ? `\r\u001b[K${line.slice(0, (output.columns || 80) - 1)}` : `${line}\n`);
    },
    clear() {
      if (output.isTTY) output.write("\r\u001b[K");
    },
  };
}

function describe({ stage, bytes, total }: Progress, seconds: number): string {
  const rate = seconds > 0.5 ? bytes / seconds : 0;
  const left = total && rate > 0 ? `, ${Math.max(0, Math.ceil((total - bytes) / rate))} s left` : "";
  return `${stage}: ${formatBytes(bytes)}${total ? ` of ${formatBytes(total)}` : ""}${rate > 0 ? `, ${formatBytes(rate)}/s` : ""}${left}`;
}
