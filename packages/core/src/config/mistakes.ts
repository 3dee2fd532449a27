import { BackupError } from "../errors.ts";

/** One thing wrong in a configuration. Free of secret values. */
export interface Mistake {
  /** As people write it: `databases[0].conection`; empty: the file as a whole. */
  readonly path: string;
  readonly found: string;
  readonly allowed: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

const width = 80;

/** CONFIG_INVALID that tells every mistake at once, in lines of at most 80 columns (a longer path stays whole). */
export function invalidConfig(file: string, mistakes: readonly Mistake[]): BackupError {
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  const head = `Cannot use the configuration "${file}": ${count}`;
  const lines = head.length <= width ? [head] : ["Cannot use the configuration", `"${file}":`, count];
  return new BackupError("CONFIG_INVALID", [...lines, ...mistakes.flatMap(describe)].join("\n"), {
    details: { file, mistakes },
  });
}

function describe(mistake: Mistake): string[] {
  return [
    `  ${mistake.path === "" ? "the file" : mistake.path}`,
    ...wrap("    found:   ", mistake.found),
    ...wrap("    allowed: ", mistake.allowed),
    ...(mistake.suggestion === undefined ? [] : [`    Did you mean '${mistake.suggestion}'?`]),
  ];
}

function wrap(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label;
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > width && line.trim() !== "" && line !== label) {
      lines.push(line.trimEnd());
      line = " ".repeat(label.length);
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
