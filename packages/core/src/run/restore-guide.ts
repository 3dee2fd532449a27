import { type Manifest, type Part, type ServerFacts, storedBytes } from "../model/manifest.ts";
import type { Stage } from "../ports/stage.ts";

/** RESTORE.md of a set: how to restore it with stock programs and nothing of ours. A test follows it to the letter. */
export function restoreGuide(manifest: Manifest, stages: ReadonlyMap<string, Stage>): string {
  const dump = manifest.parts.find((part) => part.role === "dump");
  const major = manifest.server.major;
  const { databaseName, encoding, collate, ctype } = manifest.server;
  const roles = manifest.server.roles.filter((role) => role !== "postgres");
  return `# Restoring ${manifest.id} without Restorable

Database "${databaseName}" of PostgreSQL ${manifest.server.version}, ${manifest.createdAt}, ${storedBytes(manifest)} bytes.
You need the programs of PostgreSQL ${major} (Debian: postgresql-client-${major})${dump ? tools(dump) : ""}.

Run these in this folder, with PGHOST, PGPORT and PGUSER set for the target server.
${roles.length > 0 ? `\nRoles that must exist there first: ${roles.map((role) => `"${role}"`).join(", ")} (or add --no-owner --no-privileges to pg_restore).\n` : ""}
1. Check that the bytes are the ones that were stored:

\`\`\`sh
${manifest.parts.map((part) => `echo '${part.stored.sha256}  ${part.name}' | sha256sum --check`).join("\n")}
\`\`\`

2. Make an empty database:

\`\`\`sh
createdb --template=template0 --encoding='${encoding}' --lc-collate='${collate}' --lc-ctype='${ctype}'${provider(manifest.server)} restored
\`\`\`

3. Restore into it:

\`\`\`sh
${dump ? commands(dump, stages).join("\n") : ""}
\`\`\`

Success is an exit status of 0 and no error on the screen.
`;
}

/** What createdb says for a locale that libc does not provide. */
function provider({ localeProvider, locale, icuRules }: ServerFacts): string {
  if (locale === undefined || localeProvider === "c") return "";
  const rules = icuRules === undefined ? "" : ` --icu-rules='${icuRules.replaceAll("'", "'\\''")}'`;
  return localeProvider === "i"
    ? ` --locale-provider=icu --icu-locale='${locale}'${rules}`
    : ` --locale-provider=builtin --builtin-locale='${locale}'`;
}

function tools(part: Part): string {
  const programs = [...(part.format === "directory" ? ["tar"] : []), ...part.stages];
  return programs.length > 0 ? `, and ${programs.join(", ")}` : "";
}

function commands(part: Part, stages: ReadonlyMap<string, Stage>): readonly string[] {
  const undo = part.stages.toReversed().map((name) => stages.get(name)?.undoCommand ?? name);
  if (part.format === "directory") {
    return [
      "mkdir dump",
      `tar --extract --file='${part.name}' -C dump`,
      "pg_restore --exit-on-error --jobs=2 --dbname=restored dump",
    ];
  }
  const restore = "pg_restore --exit-on-error --dbname=restored";
  return [
    undo.length > 0
      ? [`${undo[0]} '${part.name}'`, ...undo.slice(1), restore].join(" | ")
      : `${restore} '${part.name}'`,
  ];
}
