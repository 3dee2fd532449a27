import { describe, expect, it } from "vitest";
import { parseManifest, serialiseManifest } from "../../src/model/parse-manifest.ts";
import { sampleManifest } from "./sample-set.ts";

const manifest = sampleManifest(new Date("2026-10-01T02:00:00Z"));
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const part = manifest.parts[0];
const withPart = (change: object): unknown => ({ ...manifest, parts: [{ ...part, ...change }] });

describe("parseManifest", () => {
  it("reads what serialiseManifest wrote", () => {
    expect(parseManifest(serialiseManifest(manifest))).toEqual(manifest);
  });

  it("keeps fields that it does not know", () => {
    expect(parseManifest(bytesOf({ ...manifest, later: { more: 1 } }))).toMatchObject({ later: { more: 1 } });
  });

  it("tells a later version apart", () => {
    expect(() => parseManifest(bytesOf({ ...manifest, version: 2, parts: "another shape" }))).toThrow(
      expect.objectContaining({ code: "MANIFEST_TOO_NEW" }),
    );
  });

  it.each<[string, unknown, string]>([
    ["a list", [], '"manifest"'],
    ["null", null, '"manifest"'],
    ["no version", { ...manifest, version: undefined }, '"version"'],
    ["version 0", { ...manifest, version: 0 }, '"version"'],
    ["version 1.5", { ...manifest, version: 1.5 }, '"version"'],
    ['version "2"', { ...manifest, version: "2" }, '"version"'],
    ["no id", { ...manifest, id: "shop" }, '"id"'],
    ["another database", { ...manifest, database: "blog" }, '"database"'],
    ["a strange kind", { ...manifest, kind: "half" }, '"kind"'],
    ["a local time", { ...manifest, createdAt: "2026-10-01T02:00:00" }, '"createdAt"'],
    ["a time that is none", { ...manifest, createdAt: "2026-13-01T02:00:00Z" }, '"createdAt"'],
    ["no part", { ...manifest, parts: [] }, '"parts"'],
    ["two parts of one name", { ...manifest, parts: [part, part] }, '"parts"'],
    ["a part outside", withPart({ name: "../../etc/passwd" }), '"parts[0].name"'],
    ["a nested part", withPart({ name: "a/b" }), '"parts[0].name"'],
    ["a hidden part", withPart({ name: ".x" }), '"parts[0].name"'],
    ["a part over the manifest", withPart({ name: "manifest.json" }), '"parts[0].name"'],
    ["a part as a proof", withPart({ name: "proof-x" }), '"parts[0].name"'],
    ["a short digest", withPart({ stored: { sha256: "ab", bytes: 1 } }), '"parts[0].stored.sha256"'],
    ["negative bytes", withPart({ stored: { ...part?.stored, bytes: -1 } }), '"parts[0].stored.bytes"'],
    ["a stage that is no name", withPart({ stages: [1] }), '"parts[0].stages[0]"'],
    ["a strange role", withPart({ role: "x" }), '"parts[0].role"'],
    ["a strange format", withPart({ format: "x" }), '"parts[0].format"'],
    ["a broken content digest", withPart({ content: {} }), '"parts[0].content.sha256"'],
    ["no server", { ...manifest, server: undefined }, '"server"'],
    [
      "a strange provider",
      { ...manifest, server: { ...manifest.server, localeProvider: "x" } },
      '"server.localeProvider"',
    ],
    [
      "an extension without version",
      { ...manifest, server: { ...manifest.server, extensions: [{ name: "x" }] } },
      '"server.extensions[0].version"',
    ],
    ["a tool without pgDump", { ...manifest, tool: {} }, '"tool.restorable"'],
    [
      "a check of no level",
      { ...manifest, checks: [{ by: "x", at: manifest.createdAt, level: "hope" }] },
      '"checks[0].level"',
    ],
  ])("refuses %s", (_, value, where) => {
    expect(() => parseManifest(bytesOf(value))).toThrow(
      expect.objectContaining({ code: "MANIFEST_INVALID", message: expect.stringContaining(where) }),
    );
  });

  it("refuses what is no text", () => {
    for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.alloc(0), Buffer.from("{")])
      expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  });
});
