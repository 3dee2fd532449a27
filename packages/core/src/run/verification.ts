import { hashFile } from "../bytes/hash-file.ts";
import type { SpoolFolder } from "../bytes/spool.ts";
import type { UnpackOptions } from "../bytes/unpack.ts";
import { BackupError } from "../errors.ts";
import type { EventDraft } from "../events.ts";
import { sameDigest } from "../model/digest.ts";
import type { Manifest, Part, VerificationLevel } from "../model/manifest.ts";
import { keyOf } from "../model/object-key.ts";
import type { LoadedPlugin } from "../plugin/load-plugins.ts";
import { findClient } from "../postgres/client-programs.ts";
import { decodeDump } from "../postgres/decode.ts";

/** @throws VERIFICATION_FAILED unless the file's bytes are those of the digest */
export async function verifyChecksum(
  part: Part,
  path: string,
  options: { readonly signal: AbortSignal; readonly progress?: (bytes: number) => void },
): Promise<void> {
  const found = await hashFile(path, options);
  if (sameDigest(found, part.stored)) return;
  const what =
    found.bytes === part.stored.bytes
      ? "its bytes differ from the digest taken while it was made"
      : `it has ${found.bytes} bytes instead of ${part.stored.bytes}`;
  throw new BackupError("VERIFICATION_FAILED", `Cannot trust "${part.name}": ${what}`);
}

/** @throws VERIFICATION_FAILED, CLIENT_MISSING */
export async function verifyDecode(
  manifest: Manifest,
  part: Part,
  path: string,
  folder: string,
  options: UnpackOptions,
): Promise<void> {
  const client = await findClient({ serverMajor: manifest.tool.pgDumpMajor, processes: options.processes });
  await decodeDump(part, path, folder, client, options);
}

/** The core's own verification, as a plugin: it reacts to `sealed`, and what it yields is what the manifest says. */
export function verificationPlugin(
  level: Exclude<VerificationLevel, "drill">,
  spool: () => SpoolFolder,
  options: Omit<UnpackOptions, "signal">,
): LoadedPlugin {
  return {
    name: "verification",
    required: true,
    plugin: {
      on: {
        async *sealed({ manifest }, context): AsyncGenerator<EventDraft> {
          for (const part of manifest.parts) {
            const path = context.artifact(keyOf(manifest.id, part.name)).path ?? "";
            await verifyChecksum(part, path, context);
          }
          yield { type: "checked", level: "checksum", by: "verification" };
          if (level === "checksum") return;
          const beat = setInterval(() => context.progress(0), 10_000);
          try {
            for (const part of manifest.parts.filter((one) => one.role === "dump")) {
              const path = context.artifact(keyOf(manifest.id, part.name)).path ?? "";
              await verifyDecode(manifest, part, path, await spool().scratch("decode"), {
                ...options,
                signal: context.signal,
              });
            }
          } finally {
            clearInterval(beat);
          }
          yield { type: "checked", level: "decode", by: "verification" };
        },
      },
    },
  };
}
