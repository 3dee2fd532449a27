import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { cosmiconfig, defaultLoaders, type Loader } from "cosmiconfig";
import type { Mistake } from "./mistakes.ts";

/** A file that the configuration was read from: the named one, and what it brings in by `$import`. */
export interface ConfigSource {
  readonly file: string;
  readonly text: string;
  /** Permission bits. */
  readonly mode: number;
  /** Whether it is a program (ts, js): its values may come from elsewhere. */
  readonly isModule: boolean;
}

export interface RawConfig {
  readonly value: unknown;
  readonly sources: readonly ConfigSource[];
  /** At most one: what keeps the file from being read at all. */
  readonly mistakes: readonly Mistake[];
}

/** The file's value, unchecked. TypeScript goes through Node's own `import()`. Messages of parsers quote the file, so none is passed on. */
export async function readConfigFile(file: string): Promise<RawConfig> {
  const sources: ConfigSource[] = [];
  const recorded =
    (loader: Loader): Loader =>
    async (path, text) => {
      sources.push({
        file: path,
        text,
        mode: (await stat(path)).mode & 0o777,
        isModule: /^\.m?[jt]s$/.test(extname(path)),
      });
      return loader(path, text) as unknown;
    };
  const data = (path: string, text: string, parser: "yaml" | "json"): unknown => {
    try {
      return (defaultLoaders[`.${parser}`] as Loader)(path, text);
    } catch (error) {
      throw new SyntaxMistake(parser === "yaml" ? yamlMistake(error) : jsonMistake(text, error));
    }
  };
  const loaders = {
    ".yaml": recorded((path, text) => data(path, text, "yaml")),
    ".yml": recorded((path, text) => data(path, text, "yaml")),
    ".json": recorded((path, text) => data(path, text, "json")),
    ...Object.fromEntries([".ts", ".mts", ".js", ".mjs"].map((ending) => [ending, recorded(module)])),
  };
  const explorer = cosmiconfig("restorable", {
    searchPlaces: ["backup.config.yaml"],
    searchStrategy: "none",
    cache: false,
    loaders,
  });
  try {
    const result = await explorer.load(file);
    return {
      value: (result?.config as unknown) ?? undefined,
      sources,
      mistakes: result === null || result.isEmpty ? [emptyFile] : [],
    };
  } catch (error) {
    return {
      value: undefined,
      sources,
      mistakes: [error instanceof SyntaxMistake ? error.mistake : unreadable(error)],
    };
  }
}

const emptyFile: Mistake = { path: "", found: "nothing", allowed: "at least 'databases' and 'plugins'" };

class SyntaxMistake extends Error {
  readonly mistake: Mistake;
  constructor(mistake: Mistake) {
    super(mistake.found);
    this.mistake = mistake;
  }
}

async function module(path: string): Promise<unknown> {
  let loaded: unknown;
  try {
    loaded = await import(/* @vite-ignore */ pathToFileURL(path).href);
  } catch (error) {
    const line =
      error instanceof Error ? /^\d+/.exec(error.stack?.split(`${path}:`)[1] ?? "")?.[0] : undefined;
    const isSyntax = error instanceof SyntaxError;
    const what = isSyntax
      ? "a syntax error"
      : `an error of its own (${error instanceof Error ? error.name : typeof error})`;
    throw new SyntaxMistake({
      path: "",
      found: line ? `${what} in line ${line}` : what,
      allowed: "a module that exports the configuration as default",
    });
  }
  const value =
    typeof loaded === "object" && loaded !== null && "default" in loaded ? loaded.default : undefined;
  if (value === undefined)
    throw new SyntaxMistake({
      path: "",
      found: "a module without default export",
      allowed: "a module that exports the configuration as default",
    });
  return value;
}

/** js-yaml names what it stumbled over by quoting it: the text after a quote, an exclamation mark or a bracket is cut. */
function yamlMistake(error: unknown): Mistake {
  const { reason, mark } = error as { reason?: string; mark?: { line: number; column: number } };
  const why = (reason ?? "it cannot be read").replace(/\s*["'!<].*$/s, "");
  const where = mark ? ` in line ${mark.line + 1}, column ${mark.column + 1}` : "";
  return {
    path: "",
    found: `a YAML error${where}: ${why}`,
    allowed: "valid YAML; a text with special characters stands in quotes",
  };
}

/** JSON is YAML as well, and only the YAML parser says where it stumbled without quoting. */
function jsonMistake(text: string, error: unknown): Mistake {
  const said = error instanceof Error ? /line (\d+) column (\d+)/.exec(error.message) : null;
  let where = said ? ` in line ${said[1]}, column ${said[2]}` : "";
  try {
    if (where === "") void (defaultLoaders[".yaml"] as Loader)("", text);
  } catch (yamlError) {
    const { mark } = yamlError as { mark?: { line: number; column: number } };
    if (mark) where = ` in line ${mark.line + 1}, column ${mark.column + 1}`;
  }
  return {
    path: "",
    found: `a JSON error${where}`,
    allowed: "valid JSON: no comments, no comma after the last entry",
  };
}

function unreadable(error: unknown): Mistake {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const found =
    code === "EACCES"
      ? "a file that may not be read by this user"
      : code === "ENOENT"
        ? "a file that does not exist"
        : "a file that cannot be read";
  return {
    path: "",
    found: code === "" ? `${found}, or an '$import' that cannot` : found,
    allowed: "a readable file",
  };
}
