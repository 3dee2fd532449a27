import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Mistake } from "./mistakes.ts";
import { expandHome } from "./paths.ts";
import { settingPath } from "./setting-path.ts";

/** Where a part of a text came from. */
export interface Origin {
  readonly kind: "env" | "file";
  readonly value: string;
  /** Absolute, of a file. */
  readonly file?: string;
  /** Permission bits of that file. */
  readonly mode?: number;
}

export interface Interpolated {
  /** A copy of the given value, variables replaced. */
  readonly value: unknown;
  /** Settings that hold a variable, by path. A setting without an entry was written literally. */
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
  readonly mistakes: readonly Mistake[];
}

export interface InterpolationContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `${file:}` starts here. */
  readonly folder: string;
  readonly home: string;
}

const variable = /\$?\$\{([^}]*)\}?/g;

/** Replaces `${env:NAME}` and `${file:PATH}` in every string; `$${` stands for a literal `${`. What was put in is not read again. */
export async function interpolate(raw: unknown, context: InterpolationContext): Promise<Interpolated> {
  const origins = new Map<string, Origin[]>();
  const mistakes: Mistake[] = [];

  async function visit(value: unknown, path: readonly (string | number)[]): Promise<unknown> {
    if (typeof value === "string") return replace(value, settingPath(path));
    if (Array.isArray(value))
      return Promise.all(value.map((item: unknown, index) => visit(item, [...path, index])));
    if (!isPlainObject(value)) return value;
    const entries = Object.entries(value).map(
      async ([key, item]) => [key, await visit(item, [...path, key])] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  async function replace(text: string, path: string): Promise<string> {
    let result = "";
    let position = 0;
    for (const match of text.matchAll(variable)) {
      result += text.slice(position, match.index);
      position = match.index + match[0].length;
      if (match[0].startsWith("$$")) {
        result += match[0].slice(1);
        continue;
      }
      const found = match[0].endsWith("}") ? await lookUp(match[1] ?? "", context) : "a '${' without its '}'";
      if (typeof found === "string")
        mistakes.push({ path, found, allowed: "${env:NAME} or ${file:PATH}; '$${' writes a literal '${'" });
      else {
        origins.set(path, [...(origins.get(path) ?? []), found]);
        result += found.value;
      }
    }
    return result + text.slice(position);
  }

  return { value: await visit(raw, []), origins, mistakes };
}

/** The origin, or what is wrong with it. */
async function lookUp(name: string, context: InterpolationContext): Promise<Origin | string> {
  if (name.startsWith("env:")) {
    const value = context.environment[name.slice(4)];
    return value
      ? { kind: "env", value }
      : `\${${name}}, but that variable is ${value === "" ? "empty" : "not set"}`;
  }
  if (!name.startsWith("file:"))
    return name.length <= 40 && /^[\w:.-]*$/.test(name) ? `\${${name}}` : "a '${' that starts no variable";
  const file = resolve(context.folder, expandHome(name.slice(5), context.home));
  try {
    const value = (await readFile(file, "utf8")).replace(/\r?\n$/, "");
    if (value === "") return `\${${name}}, but that file is empty`;
    return { kind: "file", value, file, mode: (await stat(file)).mode & 0o777 };
  } catch (error) {
    return `\${${name}}, but ${whyUnreadable(error)}`;
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (code === "ENOENT") return "that file does not exist";
  if (code === "EACCES") return "that file may not be read by this user";
  return `that file cannot be read (${code})`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
