import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorTable, eventTypes } from "@restorable/core";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

/** Cells of the table rows that begin with a code span. */
function rows(markdown: string): readonly (readonly string[])[] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

async function commandNames(): Promise<readonly string[]> {
  const files = await readdir(join(root, "packages/cli/src/commands"), { recursive: true });
  return files
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length).replaceAll("/", " "));
}

const isNamed = (line: string, names: readonly string[]): boolean => {
  const [, first, second] = line.replace(/^npx /, "").split(/\s+/);
  return names.includes(`${first}`) || names.includes(`${first} ${second}`);
};

describe("docs/design/exit-codes.md", () => {
  it("is the error table", async () => {
    const told = rows(await read("docs/design/exit-codes.md"));
    const real = Object.entries(errorTable).map(([code, row]) => [
      `\`${code}\``,
      String(row.exit),
      row.retryable ? "yes" : "no",
      row.hint,
    ]);
    expect(told).toEqual(real);
  });
});

describe("docs/design/events.md", () => {
  it("tells every event, in order, and no other", async () => {
    const told = rows(await read("docs/design/events.md")).map(([type]) => type?.replaceAll("`", ""));
    expect(told).toEqual([...eventTypes]);
  });
});

describe("README.md", () => {
  it("names only commands that exist in its examples", async () => {
    const fenced = [...(await read("README.md")).matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
      (block ?? "").split("\n"),
    );
    const lines = fenced.filter((line) => /^(npx )?backup /.test(line));
    const names = await commandNames();
    expect(lines).not.toEqual([]);
    expect(lines.filter((line) => !isNamed(line, names))).toEqual([]);
  });

  it("has every command in its table, and no other", async () => {
    const told = rows(await read("README.md"))
      .map(([cell]) => /^`backup ([a-z ]+?)(?: \[.*)?`$/.exec(cell ?? "")?.[1])
      .filter((name) => name !== undefined);
    expect(told.toSorted()).toEqual([...(await commandNames())].toSorted());
  });
});
