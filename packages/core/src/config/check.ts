import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import type { Mistake } from "./mistakes.ts";
import { isSecretName, passwordsInUri } from "./secret-name.ts";
import { settingPath } from "./setting-path.ts";
import { nearest } from "./suggest.ts";

export interface CheckOptions {
  /** Put before every path: `plugins[0].options`. */
  readonly prefix?: string;
  /** Whether texts may be shown in mistakes; strangers' options may hold secrets under any name. */
  readonly showTexts?: boolean;
  /** Settings that are not shown and not complained about a second time, for instance because their variable is missing. */
  readonly skip?: ReadonlySet<string>;
  /** Settings whose text is not shown, because it came from a variable. */
  readonly hide?: (path: string) => boolean;
}

/**
 * Checks a value against a JSON Schema (draft 07) and tells every mistake at once; fills in defaults in place.
 * Keywords of our own: `secret: true` (never show the value) and `allowed` (words for what is allowed).
 * @throws Error when the schema itself is wrong
 */
export function check(
  schema: Readonly<Record<string, unknown>>,
  value: unknown,
  options: CheckOptions = {},
): Mistake[] {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    useDefaults: true,
    validateFormats: true,
  });
  addFormats.default(ajv);
  const validate: ValidateFunction = ajv.compile(schema);
  if (validate(value)) return [];
  const errors = withoutNoise(validate.errors ?? []);
  const mistakes = errors
    .map((error) => mistakeOf(error, value, options))
    .filter((mistake) => !options.skip?.has(mistake.path));
  const corrected = new Set(
    mistakes.flatMap(({ path, suggestion }) => (suggestion === undefined ? [] : [sibling(path, suggestion)])),
  );
  const told = new Set<string>();
  return mistakes.filter((mistake) => {
    const isRepeated = told.has(mistake.path) || (mistake.found === nothing && corrected.has(mistake.path));
    told.add(mistake.path);
    return !isRepeated;
  });
}

const nothing = "nothing";

/** Of alternatives only what is wrong deeper inside, or the choice itself; `if` repeats what its branch says. */
function withoutNoise(errors: readonly ErrorObject[]): ErrorObject[] {
  const choices = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
  const isInside = (error: ErrorObject, choice: ErrorObject): boolean =>
    error.schemaPath.startsWith(`${choice.schemaPath}/`);
  return errors.filter((error) => {
    if (error.keyword === "if") return false;
    if (choices.includes(error))
      return !errors.some((inner) => isInside(inner, error) && isDeeper(inner, error));
    return choices.every((choice) => !isInside(error, choice) || isDeeper(error, choice));
  });
}

function isDeeper(inner: ErrorObject, outer: ErrorObject): boolean {
  return (
    inner.instancePath.length > outer.instancePath.length ||
    inner.keyword === "additionalProperties" ||
    inner.keyword === "required"
  );
}

function mistakeOf(error: ErrorObject, root: unknown, options: CheckOptions): Mistake {
  const steps = stepsOf(error.instancePath, root);
  const path = settingPath(steps, options.prefix);
  const schema = (error.parentSchema ?? {}) as Readonly<Record<string, unknown>>;
  const properties = Object.keys(schema["properties"] ?? {});

  if (error.keyword === "additionalProperties") {
    const key = (error.params as { additionalProperty: string }).additionalProperty;
    const suggestion = nearest(key, properties);
    const allowed =
      properties.length === 0
        ? "nothing here"
        : properties.filter((name) => !name.startsWith("$")).join(", ");
    return {
      path: settingPath([key], path),
      found: "a setting that does not exist",
      allowed,
      ...(suggestion !== undefined && { suggestion }),
    };
  }
  if (error.keyword === "required") {
    const key = (error.params as { missingProperty: string }).missingProperty;
    const wanted =
      (schema["properties"] as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined)?.[
        key
      ] ?? {};
    return { path: settingPath([key], path), found: nothing, allowed: wordsFor(wanted) };
  }
  const isHidden =
    schema["secret"] === true ||
    steps.some((step) => typeof step === "string" && isSecretName(step)) ||
    options.hide?.(path) === true;
  const choices =
    error.keyword === "enum" ? ((error.params as { allowedValues: unknown[] }).allowedValues ?? []) : [];
  const suggestion =
    typeof error.data === "string" && !isHidden ? nearest(error.data, choices.map(String)) : undefined;
  return {
    path,
    found: foundWords(
      error.data,
      isHidden ? "nothing" : options.showTexts || suggestion !== undefined ? "all" : "numbers",
    ),
    allowed: wordsFor(schema, error),
    ...(suggestion !== undefined && { suggestion }),
  };
}

function stepsOf(pointer: string, root: unknown): (string | number)[] {
  let at = root;
  return pointer
    .split("/")
    .slice(1)
    .map((written) => {
      const key = written.replaceAll("~1", "/").replaceAll("~0", "~");
      const step = Array.isArray(at) ? Number(key) : key;
      at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[step] : undefined;
      return step;
    });
}

function sibling(path: string, name: string): string {
  return path.replace(/(\.|^)[^.[\]]+$|\["[^"]*"\]$/, (_, dot: string | undefined) => `${dot ?? "."}${name}`);
}

function foundWords(value: unknown, show: "all" | "numbers" | "nothing"): string {
  if (value === null || value === undefined) return nothing;
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value === "string") {
    if (value === "") return "an empty text";
    const isSafe = show === "all" && passwordsInUri(value).length === 0 && !/:\/\//.test(value);
    return isSafe ? `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'` : "a text";
  }
  const isPlain = typeof value === "number" || typeof value === "boolean";
  return isPlain && show !== "nothing" ? String(value) : `a ${typeof value}`;
}

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  null: "nothing",
};

/** What a setting may hold: the schema's own words, or words for the keyword that failed. */
function wordsFor(schema: Readonly<Record<string, unknown>>, error?: ErrorObject): string {
  const { allowed, enum: choices, type, format, pattern } = schema;
  if (typeof allowed === "string") return allowed;
  if (Array.isArray(choices)) return choices.join(", ");
  const range = rangeOf(schema);
  if (type === "array" && range !== "") return `a list with entries${range}`;
  if (typeof format === "string") return `text in the format ${format}`;
  if (typeof pattern === "string") return `text that matches ${pattern}`;
  const types = [type ?? []]
    .flat()
    .flatMap((name) => (typeof name === "string" ? [typeWords[name] ?? name] : []));
  if (types.length > 0)
    return types.join(" or ") + (schema["minLength"] === 1 ? " that is not empty" : range);
  return error?.message ?? "a value";
}

function rangeOf(schema: Readonly<Record<string, unknown>>): string {
  const least = schema["minimum"] ?? schema["minItems"];
  const most = schema["maximum"] ?? schema["maxItems"];
  if (typeof least === "number" && typeof most === "number") return `, ${least} to ${most}`;
  if (typeof least === "number") return `, at least ${least}`;
  return typeof most === "number" ? `, at most ${most}` : "";
}
