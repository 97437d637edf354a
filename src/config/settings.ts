import type { TargetCommon } from '../contract/family.js';

/** A target as the ticker runs it: defaults applied, units in the name. */
export interface Target {
  readonly family: string;
  readonly name: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly overUplink: boolean;
  /** The validated section of the config with the family's defaults applied; this is what `probe` gets. */
  readonly config: TargetCommon & Readonly<Record<string, unknown>>;
}

/** The one validated configuration, passed down; nothing below `main` reads the environment. */
export interface Settings {
  /** File that was read; null when there is none and defaults with discovery apply. */
  readonly file: string | null;
  /** Tenant marker on every record, log line and metric. */
  readonly customerId: string;
  readonly deployColor: 'blue' | 'green' | null;
  /** Name of this machine in results and logs. */
  readonly node: string;
  readonly dataDir: string;
  /** null: the embedded database. */
  readonly databaseUrl: string | null;
  readonly jwtSecret: string;
  readonly checkIntervalMs: number;
  /** Raw results older than this are dropped. */
  readonly keepDays: number;
  /** Most bytes of results on disk that wait for the database. */
  readonly spoolMaxBytes: number;
  readonly front: {
    readonly host: string;
    readonly port: number;
    readonly anonymousRead: boolean;
    /** Host names accepted in the Host header beyond loopback and IP addresses. */
    readonly allowedHosts: readonly string[];
  };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'json' | 'pretty' };
  readonly targets: readonly Target[];
}
