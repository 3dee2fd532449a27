/** A row of the error table. */
export interface ErrorRow {
  /** Exit number of the process; see docs/design/exit-codes.md. */
  readonly exit: number;
  /** Whether the same call may succeed later without anybody's help. */
  readonly retryable: boolean;
  /** What to do next, as an instruction. */
  readonly hint: string;
}

/** Every way in which this program fails. The document docs/design/exit-codes.md is compared with it by a test. */
export const errorTable = {
  BUG: {
    exit: 1,
    retryable: false,
    hint: "Please report this with the output of the same command and BACKUP_DEBUG=1",
  },
  USAGE: { exit: 2, retryable: false, hint: "See --help" },
  CONFIG_NOT_FOUND: {
    exit: 2,
    retryable: false,
    hint: "Write backup.config.yaml, or name one with --config",
  },
  CONFIG_INVALID: {
    exit: 2,
    retryable: false,
    hint: "Correct the lines above, then run 'backup config validate'",
  },
  CONFIG_EXPOSED: { exit: 2, retryable: false, hint: "Run 'chmod 600' on the file" },
  PLUGIN_NOT_FOUND: { exit: 2, retryable: false, hint: "Check the name under 'plugins'" },
  PLUGIN_FAILED: {
    exit: 4,
    retryable: false,
    hint: "Report it to the plugin's author; the backup itself is not to blame",
  },
  PLUGIN_TIMEOUT: {
    exit: 4,
    retryable: true,
    hint: "The plugin gave no sign of life and was abandoned; report it to its author",
  },
  PLUGIN_NONSENSE: {
    exit: 4,
    retryable: false,
    hint: "The plugin yielded something that is no event; report it to its author",
  },
  PLUGIN_LOOP: {
    exit: 4,
    retryable: false,
    hint: "The plugin answers its own events without end; report it to its author",
  },
  DATABASE_UNREACHABLE: { exit: 10, retryable: true, hint: "Check host, port and whether the server runs" },
  DATABASE_REFUSED: {
    exit: 10,
    retryable: false,
    hint: "Check user, password, database name and TLS settings",
  },
  DATABASE_QUERY: { exit: 10, retryable: false, hint: "See the server's own message above" },
  CLIENT_MISSING: { exit: 11, retryable: false, hint: "Install the PostgreSQL client package named above" },
  PROGRAM_NOT_FOUND: { exit: 11, retryable: false, hint: "Install the program named above" },
  PROGRAM_FAILED: { exit: 11, retryable: false, hint: "See the program's own message above" },
  DUMP_FAILED: { exit: 11, retryable: false, hint: "See pg_dump's own message above" },
  DUMP_LOCKED: {
    exit: 11,
    retryable: true,
    hint: "Wait for the blocking session, or end it with pg_terminate_backend",
  },
  COMPRESSION_FAILED: { exit: 12, retryable: false, hint: "See the program's own message above" },
  VERIFICATION_FAILED: {
    exit: 13,
    retryable: false,
    hint: "Do not rely on this backup; make a new one and check the disk",
  },
  MANIFEST_INVALID: {
    exit: 13,
    retryable: false,
    hint: "The set was changed or damaged; restore another one",
  },
  MANIFEST_TOO_NEW: { exit: 13, retryable: false, hint: "Install a newer version of backup" },
  DESTINATION_UNAVAILABLE: {
    exit: 14,
    retryable: true,
    hint: "Check that the destination exists and can be written to",
  },
  OBJECT_EXISTS: {
    exit: 14,
    retryable: false,
    hint: "Objects are written once; something else wrote this key",
  },
  OBJECT_NOT_FOUND: { exit: 14, retryable: false, hint: "Run 'backup list' to see what is there" },
  OBJECT_DAMAGED: {
    exit: 14,
    retryable: false,
    hint: "What is stored differs from what was sent; check the disk",
  },
  DISK_FULL: {
    exit: 15,
    retryable: false,
    hint: "Free some space, or lower 'days' or 'max' in the retention",
  },
  LOCKED: { exit: 16, retryable: true, hint: "Wait until the other run has ended" },
  BACKUP_NOT_FOUND: { exit: 17, retryable: false, hint: "Run 'backup list' to see the backups that exist" },
  RESTORE_REFUSED: { exit: 18, retryable: false, hint: "Nothing was changed; choose another target" },
  RESTORE_FAILED: {
    exit: 18,
    retryable: false,
    hint: "The backup itself is unharmed; see the message above",
  },
  CLOCK_BEHIND: { exit: 14, retryable: false, hint: "Set the clock right; nothing was removed" },
  SETUP_INCOMPLETE: { exit: 78, retryable: false, hint: "Install what is named above, then try again" },
  CANCELLED: { exit: 130, retryable: true, hint: "Run it again" },
  TERMINATED: { exit: 143, retryable: true, hint: "Run it again" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** What an event, a report or `--json` tells about an error: plain JSON, free of secrets. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** Facts that programs may use, for instance the blocking session of DUMP_LOCKED. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class. Messages read "Cannot <action>: <current state>", values in quotes, no full stop, no secrets.
 * The field `oclif.exit` is what the command line framework reads.
 */
export class BackupError extends Error {
  override readonly name = "BackupError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly oclif: { readonly exit: number };

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly hint?: string;
      readonly details?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorTable[code].hint;
    this.details = options.details;
    this.oclif = { exit: errorTable[code].exit };
  }

  get exit(): number {
    return errorTable[this.code].exit;
  }

  toInfo(): ErrorInfo {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      ...(this.details && { details: this.details }),
    };
  }
}

/** The last that a failed program said, of a PROGRAM_FAILED error. */
export function stderrOf(error: BackupError): string {
  const said = error.details?.["stderr"];
  return typeof said === "string" ? said : "";
}

/** Whatever was thrown, as a BackupError; a stranger becomes `code` (BUG unless said), its own message kept. */
export function asBackupError(thrown: unknown, code: ErrorCode = "BUG", action?: string): BackupError {
  if (thrown instanceof BackupError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackupError(code, action ? `Cannot ${action}: ${reason}` : reason, { cause: thrown });
}
