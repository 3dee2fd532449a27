/** A file that breaks one rule, or none. */
export interface Plant {
  /** Path in the copy of the repository. */
  readonly file: string;
  readonly text: string;
  /** What the linters say of it: the rule, then, where one rule serves several purposes, the purpose its message begins with. */
  readonly complaint?: string;
}

const core = "packages/core/src";
const local = "packages/plugin-local/src";
const cli = "packages/cli/src";

/** One violation a rule; the directions inside core are in directions.ts. */
export const violations: readonly Plant[] = [
  {
    file: `${core}/bytes/floating-promise.ts`,
    text: `export function start(work: () => Promise<void>): void {\n  work();\n}\n`,
    complaint: "no-floating-promises",
  },
  {
    file: `${core}/bytes/misused-promise.ts`,
    text: `export function each(names: readonly string[], work: (name: string) => Promise<void>): void {\n  names.forEach(work);\n}\n`,
    complaint: "no-misused-promises",
  },
  {
    file: `${core}/bytes/type-import.ts`,
    text: `import { Readable } from "node:stream";\n\nexport type Source = Readable;\n`,
    complaint: "consistent-type-imports",
  },
  {
    file: `${core}/bytes/any.ts`,
    text: "export type Anything = any;\n",
    complaint: "no-explicit-any",
  },
  {
    file: `${core}/bytes/cycle-a.ts`,
    text: `import { b } from "./cycle-b.ts";\n\nexport const a = (): number => b() + 1;\n`,
    complaint: "noImportCycles",
  },
  {
    file: `${core}/bytes/undeclared.ts`,
    text: `export { parse } from "yaml";\n`,
    complaint: "noUndeclaredDependencies",
  },
  {
    file: `${core}/bytes/test-only-dependency.ts`,
    text: `export { property } from "fast-check";\n`,
    complaint: "noUndeclaredDependencies",
  },
  { file: `${core}/bytes/format.ts`, text: `export const list = [1,2];\n`, complaint: "format" },
  {
    file: `${core}/bytes/order.ts`,
    text: `import { join } from "node:path";\nimport { constants } from "node:fs";\n\nexport const mode: string = join(String(constants.R_OK), "x");\n`,
    complaint: "organizeImports",
  },
  {
    file: `${core}/bytes/shared-stream.ts`,
    text: `export { Subject } from "rxjs";\n`,
    complaint: "no-restricted-imports: rxjs belongs",
  },
  {
    file: `${core}/postgres/operator.ts`,
    text: `export { map } from "rxjs/operators";\n`,
    complaint: "no-restricted-imports: rxjs belongs",
  },
  {
    file: `${core}/testing/stream.ts`,
    text: `export type { Observable } from "rxjs";\n`,
    complaint: "no-restricted-imports: rxjs belongs",
  },
  {
    file: `${core}/run/program.ts`,
    text: `export { spawn } from "node:child_process";\n`,
    complaint: "no-restricted-imports: only core/src/host",
  },
  {
    file: `${core}/postgres/program.ts`,
    text: `export { spawn } from "node:child_process";\n`,
    complaint: "no-restricted-imports: only core/src/host",
  },
  {
    file: `${core}/plugin/imported-process.ts`,
    text: `export { env } from "node:process";\n`,
    complaint: "no-restricted-imports: only core/src/host",
  },
  {
    file: `${core}/run/process.ts`,
    text: "export const pid: number = process.pid;\n",
    complaint: "no-restricted-globals",
  },
  {
    file: `${core}/config/console.ts`,
    text: "export const say = (text: string): void => console.log(text);\n",
    complaint: "no-restricted-globals",
  },
  {
    file: `${core}/run/performance.ts`,
    text: "export const ticks = (): number => performance.now();\n",
    complaint: "no-restricted-globals",
  },
  {
    file: `${core}/catalog/date-now.ts`,
    text: "export const now = (): number => Date.now();\n",
    complaint: "no-restricted-properties",
  },
  {
    file: `${core}/catalog/new-date.ts`,
    text: "export const now = (): Date => new Date();\n",
    complaint: "no-wall-clock",
  },
  {
    file: `${core}/run/knows-a-plugin.ts`,
    text: `export { plugin } from "@restorable/plugin-local";\n`,
    complaint: "no-restricted-imports: core-knows-no-plugin",
  },
  {
    file: `${core}/host/knows-the-command.ts`,
    text: `export type { Command } from "@restorable/cli";\n`,
    complaint: "no-restricted-imports: core-knows-no-plugin",
  },
  {
    file: `${local}/knows-a-sibling.ts`,
    text: `export { plugin } from "@restorable/plugin-notify";\n`,
    complaint: "no-restricted-imports: plugins-are-strangers",
  },
  {
    file: `${local}/knows-the-command.ts`,
    text: `export type { Command } from "@restorable/cli";\n`,
    complaint: "no-restricted-imports: plugins-are-strangers",
  },
  {
    file: `${cli}/commands/names-a-plugin.ts`,
    text: `export { plugin } from "@restorable/plugin-local";\n`,
    complaint: "no-restricted-imports: compose-names-plugins",
  },
  {
    file: `${local}/side-door.ts`,
    text: `export type { Anything } from "../../core/src/model/target.ts";\n`,
    complaint: "no-restricted-imports: front-door-only",
  },
  {
    file: `${cli}/inner-path.ts`,
    text: `export type { Anything } from "@restorable/core/src/model/target.ts";\n`,
    complaint: "no-restricted-imports: front-door-only",
  },
  {
    file: `${cli}/compose.ts`,
    text: `export type { Anything } from "../../plugin-local/src/target.ts";\n`,
    complaint: "no-restricted-imports: front-door-only",
  },
  {
    file: `${core}/run/side-door.ts`,
    text: `export type { Anything } from "../../../plugin-local/src/target.ts";\n`,
    complaint: "no-restricted-imports: front-door-only",
  },
  {
    file: "test/e2e/side-door.ts",
    text: `export type { Anything } from "../../packages/core/src/model/target.ts";\n`,
    complaint: "no-restricted-imports: front-door-only",
  },
];

/** What looks like a violation and is none. */
export const innocents: readonly Plant[] = [
  { file: `${core}/bytes/cycle-b.ts`, text: `export const b = (): number => 1;\n` },
  { file: `${core}/run/stream.ts`, text: `export { Subject } from "rxjs";\n` },
  { file: `${core}/plugin/stream.ts`, text: `export type { Observable } from "rxjs";\n` },
  {
    file: `${core}/host/machine.ts`,
    text: `export { spawn } from "node:child_process";\nexport const pid: number = process.pid;\nexport const now = (): Date => new Date();\nexport const ticks = (): number => Date.now();\n`,
  },
  {
    file: `${core}/catalog/parsed-date.ts`,
    text: "export const parsed = (text: string): Date => new Date(text);\n",
  },
  { file: `${cli}/compose-too.ts`, text: "export const pid = (): number => process.pid;\n" },
  {
    file: `${local}/front-door.ts`,
    text: `export type * from "@restorable/core";\nexport type * from "@restorable/core/testing";\n`,
  },
  {
    file: "packages/core/test/own-source.ts",
    text: `export { property } from "fast-check";\nexport type { Anything } from "../src/model/target.ts";\n`,
  },
];
