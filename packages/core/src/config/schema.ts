import { durationPattern } from "./duration.ts";

/** Values that a setting has when it is not written. */
export const defaults = {
  jobs: 2,
  lockTimeout: "5m",
  algorithm: "auto",
  level: "decode",
} as const;

const text = (
  description: string,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  type: "string",
  minLength: 1,
  description,
  ...more,
});
const numberOrDigits = (description: string, allowed: string): Readonly<Record<string, unknown>> => ({
  type: ["integer", "string"],
  minimum: 0,
  maximum: 65535,
  pattern: "^[0-9]{1,5}$",
  allowed,
  description,
});

/** libpq's keywords that a connection may hold; `password` stands beside the connection. */
const connectionProperties: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  host: text("Name of the server, or the folder of its Unix socket."),
  hostaddr: text("Numeric address of the server, which saves the look-up of its name."),
  port: numberOrDigits("Port of the server; default 5432.", "a port, 1 to 65535"),
  user: text("Role that the backup logs in as."),
  dbname: text("Name of the database on the server."),
  service: text("Entry of the service file pg_service.conf."),
  passfile: text("Password file in the format of ~/.pgpass, mode 0600."),
  sslmode: {
    enum: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    description: "How far TLS is insisted on; verify-full is the only one that knows whom it talks to.",
  },
  sslrootcert: text("File of the certificate authority, or 'system'."),
  sslcert: text("File of the client's certificate."),
  sslkey: text("File of the client's key, mode 0600."),
  sslcrl: text("File of revoked certificates."),
  sslnegotiation: {
    enum: ["postgres", "direct"],
    description: "How TLS begins; 'direct' needs PostgreSQL 17.",
  },
  channel_binding: {
    enum: ["disable", "prefer", "require"],
    description: "Whether the log-in is bound to the TLS connection.",
  },
  gssencmode: { enum: ["disable", "prefer", "require"], description: "Encryption by GSSAPI (Kerberos)." },
  krbsrvname: text("Kerberos service name."),
  target_session_attrs: {
    enum: ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
    description: "Which of several hosts is taken; 'prefer-standby' spares the primary.",
  },
  connect_timeout: numberOrDigits("Seconds to wait for the server.", "seconds, 0 to 65535"),
  application_name: text("Name that pg_stat_activity shows."),
  options: text("Settings of the session, for instance '-c statement_timeout=0'."),
};

/** JSON Schema (draft 07) of the configuration file as people write it; its descriptions are editor help. `allowed` words a mistake. */
export const configSchema: Readonly<Record<string, unknown>> = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "Configuration of Restorable (backup.config.yaml)",
  type: "object",
  additionalProperties: false,
  required: ["databases", "plugins"],
  properties: {
    $schema: { type: "string", description: "Address of this schema, for editors." },
    databases: {
      type: "array",
      minItems: 1,
      description: "What is backed up; each database is a run of its own.",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["connection"],
        description: "One database.",
        properties: {
          name: text("Names sets and folders; default: the database name in the connection.", {
            pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
            allowed: "1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit",
          }),
          connection: {
            type: ["string", "object"],
            pattern: "^postgres(ql)?://",
            additionalProperties: false,
            properties: connectionProperties,
            allowed: "a URI (postgresql://user@host/name), or libpq's keywords as an object",
            description:
              "Where the database is: a URI, or libpq's keywords. What is absent comes from PG* variables, service file and passfile.",
          },
          password: text("Password; better as ${file:PATH} or ${env:NAME}, or left to the passfile.", {
            secret: true,
            allowed: "text in quotes, ${file:PATH} or ${env:NAME}",
          }),
          prefix: text("Prefix of file names; default: <name>_db_backup.", {
            pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            allowed: "letters, digits, '.', '_' or '-', beginning with a letter or digit",
          }),
        },
      },
    },
    dump: {
      type: "object",
      additionalProperties: false,
      description: "How databases are dumped.",
      properties: {
        jobs: {
          type: "integer",
          minimum: 1,
          maximum: 64,
          default: defaults.jobs,
          description: "Tables dumped at once. 1 writes pg_dump's custom format, more its directory format.",
        },
        lockTimeout: text("How long pg_dump waits for a table that somebody has locked: '90s', '5m', '1h'.", {
          pattern: durationPattern,
          default: defaults.lockTimeout,
          allowed: "a duration such as '90s', '5m' or '1h'",
        }),
      },
    },
    compression: {
      type: ["string", "object"],
      pattern: "^(auto|zstd|gzip|none)$",
      allowed: "auto, zstd, gzip, none, or an object with algorithm and level",
      additionalProperties: false,
      default: defaults.algorithm,
      description: "How dumps are compressed: the algorithm's name, or an object.",
      properties: {
        algorithm: {
          enum: ["auto", "zstd", "gzip", "none"],
          default: defaults.algorithm,
          description: "auto takes zstd where pg_dump or the program zstd offers it, else gzip.",
        },
        level: {
          type: "integer",
          minimum: 1,
          maximum: 19,
          description:
            "Higher is smaller and slower: 1 to 9 for gzip, 1 to 19 for zstd. Default: the algorithm's own.",
        },
      },
    },
    verify: {
      type: "object",
      additionalProperties: false,
      description: "What a backup must stand before it is stored.",
      properties: {
        level: {
          enum: ["checksum", "decode"],
          default: defaults.level,
          description:
            "checksum reads every byte against its digest; decode also unpacks and lists the archive.",
        },
      },
    },
    plugins: {
      type: "array",
      minItems: 1,
      description: "Where backups are kept and who is told; at least one destination.",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["use"],
        description: "One plugin.",
        properties: {
          use: text("Name of an installed package, or a path that starts with ./, ../, ~/ or /."),
          options: { type: "object", description: "Settings of the plugin, checked against its own schema." },
        },
      },
    },
    state: text(
      "Folder for spool, locks and logs; default: $XDG_STATE_HOME/restorable, for root /var/lib/restorable.",
    ),
  },
};
