import { settingPath } from "../config/setting-path.ts";

/** Whether the schema says `secret: true` of a setting; reads properties, items, additionalProperties, alternatives and local references. */
export function schemaSecrets(
  schema: Readonly<Record<string, unknown>>,
  prefix: string,
): (path: string) => boolean {
  const patterns: string[] = [];
  const visit = (part: unknown, path: string, depth: number): void => {
    if (typeof part !== "object" || part === null || depth > 12) return;
    const fields = part as Readonly<Record<string, unknown>>;
    if (fields["secret"] === true) patterns.push(path);
    for (const [name, inner] of Object.entries(fields["properties"] ?? {}))
      visit(inner, settingPath([name], path), depth + 1);
    visit(fields["items"], `${path}[*]`, depth + 1);
    visit(fields["additionalProperties"], `${path}.*`, depth + 1);
    for (const keyword of ["anyOf", "oneOf", "allOf"])
      for (const inner of (fields[keyword] ?? []) as unknown[]) visit(inner, path, depth + 1);
    for (const keyword of ["then", "else"]) visit(fields[keyword], path, depth + 1);
    if (typeof fields["$ref"] === "string") visit(referenced(schema, fields["$ref"]), path, depth + 1);
  };
  visit(schema, prefix, 0);
  return (path) => patterns.some((pattern) => matches(path, pattern));
}

function referenced(schema: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  const steps = reference.slice(1).split("/").slice(1);
  return steps.reduce<unknown>(
    (part, step) =>
      typeof part === "object" && part !== null ? (part as Record<string, unknown>)[step] : undefined,
    schema,
  );
}

/** `[*]` stands for an index, `.*` for any key, quoted or not; a secret object or list hides everything inside. */
function matches(path: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("\\[\\*\\]", "\\[\\d+\\]")
    .replaceAll("\\.\\*", '(?:\\.[^.[]+|\\["[^"]*"\\])');
  return new RegExp(`^${source}(?:[.[].*)?$`).test(path);
}
