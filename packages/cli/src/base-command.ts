import { Command, Flags } from "@oclif/core";
import type { ErrorInfo, Progress } from "@restorable/core";
import type { Composition } from "./compose.ts";
import type { ProgressReporter } from "./reporters/progress.ts";

/** What every command shares: flags, signals, and errors that become exit numbers. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    config: Flags.string({
      char: "c",
      description: "Configuration file",
      helpGroup: "GLOBAL",
      helpValue: "FILE",
    }),
    quiet: Flags.boolean({ char: "q", description: "Say nothing but errors", helpGroup: "GLOBAL" }),
    "no-input": Flags.boolean({ description: "Never ask anything", helpGroup: "GLOBAL" }),
  };

  #redact: (text: string) => string = (text) => text;
  #composition: Composition | undefined;
  #progress: ProgressReporter | undefined;
  #quiet = false;

  /** Reads the configuration and sets everything up; closed when the command ends. */
  protected async compose(flags: {
    readonly config?: string | undefined;
    readonly quiet?: boolean;
  }): Promise<Composition> {
    const [{ compose }, { progressReporter }, { systemClock }] = await Promise.all([
      import("./compose.ts"),
      import("./reporters/progress.ts"),
      import("@restorable/core"),
    ]);
    this.#quiet = flags.quiet ?? false;
    if (!this.#quiet && !this.jsonEnabled())
      this.#progress = progressReporter(process.stderr, () => systemClock().monotonicMs());
    this.#composition = await compose({
      ...(flags.config !== undefined && { configPath: flags.config }),
      quiet: this.#quiet || this.jsonEnabled(),
      dataFolder: this.config.dataDir,
      toolVersion: this.config.version,
      signal: await this.cancellation(),
      progress: (progress: Progress) => this.#progress?.update(progress),
      onSecrets: (redact) => {
        this.#redact = redact;
      },
    });
    return this.#composition;
  }

  /** Aborted by SIGINT or SIGTERM with the matching error; the second signal ends the process at once. */
  protected async cancellation(): Promise<AbortSignal> {
    const { BackupError } = await import("@restorable/core");
    const controller = new AbortController();
    for (const [signal, code, exit] of [
      ["SIGINT", "CANCELLED", 130],
      ["SIGTERM", "TERMINATED", 143],
      ["SIGHUP", "TERMINATED", 143],
    ] as const) {
      process.on(signal, () => {
        if (controller.signal.aborted) process.exit(exit);
        controller.abort(new BackupError(code, `Cannot go on: ${signal} was received`));
      });
    }
    return controller.signal;
  }

  /** A line of data for people, on stdout; silent with --quiet and --json. */
  protected say(text: string): void {
    this.#progress?.clear();
    if (!this.#quiet) this.log(this.#redact(text));
  }

  /** Talk on stderr, said even with --quiet. */
  protected complain(text: string): void {
    this.#progress?.clear();
    if (!this.jsonEnabled()) process.stderr.write(`${this.#redact(text)}\n`);
  }

  protected override async catch(
    error: Error & { oclif?: { exit?: number }; code?: string },
  ): Promise<unknown> {
    if (error.code === "EEXIT") throw error;
    this.#progress?.clear();
    const info = await this.#describe(error);
    process.exitCode = error.oclif?.exit ?? 1;
    if (this.jsonEnabled())
      this.logJson(JSON.parse(this.#redact(JSON.stringify({ error: { ...info, exit: process.exitCode } }))));
    else process.stderr.write(`${this.#redact(`Error ${info.code}: ${info.message}\n  ${info.hint}`)}\n`);
    if (process.env["BACKUP_DEBUG"] && error.stack) process.stderr.write(`${this.#redact(error.stack)}\n`);
    return undefined;
  }

  async #describe(error: Error & { oclif?: { exit?: number } }): Promise<ErrorInfo> {
    const { BackupError, errorTable } = await import("@restorable/core");
    if (error instanceof BackupError) return error.toInfo();
    const usage = error.oclif?.exit === 2;
    return {
      code: usage ? "USAGE" : "BUG",
      message: error.message,
      hint: errorTable[usage ? "USAGE" : "BUG"].hint,
    };
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#progress?.clear();
    await this.#composition?.close();
    await super.finally(error);
  }
}
