import type { Logger } from "@restorable/core";

/** Talk for people on stderr; `debug` only when BACKUP_DEBUG is set. Every line passes the redactor. */
export function stderrLogger(
  redact: (text: string) => string,
  options: { readonly quiet: boolean; readonly debug: boolean },
): Logger {
  const write = (label: string, message: string): void =>
    void process.stderr.write(`${label}${redact(message)}\n`);
  return {
    debug: (message) => options.debug && write("debug: ", message),
    info: (message) => !options.quiet && write("", message),
    warn: (message) => write("warning: ", message),
    // Errors of a run reach the user with the report; here they would be said twice.
    error: (message) => options.debug && write("error: ", message),
  };
}
