const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What a duration looks like in a configuration. */
export const durationPattern = "^[1-9][0-9]{0,8}(ms|s|m|h|d)$";

/** Milliseconds of "500ms", "90s", "5m", "1h", "2d"; the text was checked against `durationPattern` before. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : Number.NaN;
}
