import type { Plant } from "./violations.ts";

/** The floors of core from the ground up, and what each may import. The front door and testing/ may import all. */
const floors: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  model: ["errors"],
  events: ["model", "errors"],
  ports: ["model", "errors"],
  catalog: ["ports", "events", "model", "errors"],
  host: ["ports", "events", "model", "errors"],
  config: ["host", "model", "errors"],
  bytes: ["config", "catalog", "host", "ports", "events", "model", "errors"],
  plugin: ["config", "catalog", "host", "ports", "events", "model", "errors"],
  postgres: ["bytes", "plugin", "config", "catalog", "host", "ports", "events", "model", "errors"],
  run: ["postgres", "bytes", "plugin", "config", "catalog", "host", "ports", "events", "model", "errors"],
};
const singleFiles = ["errors", "events", "index"];
const targets = [...Object.keys(floors), "index", "testing"];

const fileOf = (floor: string): string =>
  singleFiles.includes(floor) ? `${floor}.ts` : `${floor}/target.ts`;
const lineTo = (prefix: string, floor: string): string =>
  `export type { Anything } from "${prefix}${fileOf(floor)}";\n`;

/** What the planted files import: one file a floor, importing nothing. */
export const ground: readonly Plant[] = targets.map((floor) => ({
  file: `packages/core/src/${fileOf(floor)}`,
  text: "export type Anything = unknown;\n",
}));

/** Every arrow from a floor to another: those that run up or sideways with the complaint they must cause. */
export const arrows: readonly Plant[] = Object.entries(floors).flatMap(([floor, allowed]) =>
  singleFiles.includes(floor)
    ? []
    : targets
        .filter((target) => target !== floor)
        .map((target) => ({
          file: `packages/core/src/${floor}/imports-${target}.ts`,
          text: lineTo("../", target),
          ...(allowed.includes(target)
            ? {}
            : { complaint: `noRestrictedImports: core-direction: ${floor} ` }),
        })),
);

/** The floors of a single file replace their ground: errors may import nothing, events neither ports nor anything above. */
export const singleFileArrows: readonly Plant[] = [
  {
    file: "packages/core/src/errors.ts",
    text: `export type Anything = unknown;\nexport type { Anything as Upper } from "./model/target.ts";\n`,
    complaint: "noRestrictedImports: core-direction: errors ",
  },
  {
    file: "packages/core/src/events.ts",
    text: `export type Anything = unknown;\nexport type { Anything as Upper } from "./ports/target.ts";\n`,
    complaint: "noRestrictedImports: core-direction: events ",
  },
];
