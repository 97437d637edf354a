import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { pino } from 'pino';
import { type PrettyOptions, prettyFactory } from 'pino-pretty';
import { maskJson } from '../config/mask.js';
import type { Settings } from '../config/settings.js';
import { fitLine } from './fit.js';
import { LineStream, type WriteBytes } from './line-stream.js';
import { redact, withoutControls } from './redact.js';
import { openStdout } from './stdout.js';

export type Logger = pino.Logger;

export interface LoggerOptions {
  /** Which part writes: `main`, `front`, `probe/http`. */
  readonly service: string;
  readonly level: Settings['log']['level'];
  readonly format: Settings['log']['format'];
  /** Fields on every line, such as `customer_id` and `node`. */
  readonly base?: Readonly<Record<string, string | number | null>>;
  /** Where lines go instead of standard output. */
  readonly write?: WriteBytes;
}

/** A logger with the number of lines that a stalled reader cost. */
export interface LoggerHandle {
  readonly logger: Logger;
  dropped(): number;
  /** Writes what waits, for at most half a second. Called at exit by itself. */
  flush(): void;
}

const LEVELS: Readonly<Record<string, string>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

/** The fields that every line of this Matrix carries: whose it is, where it runs, and its colour if it has one. */
export function identity(of: {
  readonly customerId: string;
  readonly node: string;
  readonly deployColor: string | null;
}): Readonly<Record<string, string>> {
  const colour = of.deployColor === null ? {} : { deploy_color: of.deployColor };
  return { customer_id: of.customerId, node: of.node, ...colour };
}

/** Makes a thread's or process's own logger; see `createLoggerHandle`. */
export function createLogger(options: LoggerOptions): Logger {
  return createLoggerHandle(options).logger;
}

/**
 * A logger of this thread or process: one JSON object a line on standard output with `timestamp` (ISO 8601), `level`
 * (DEBUG, INFO, WARNING, ERROR, CRITICAL), `service`, the base fields, those of the call, and `message`. Secrets are
 * hidden by their key, and in URLs and tokens wherever they stand. Writing never blocks and never throws.
 */
export function createLoggerHandle(options: LoggerOptions): LoggerHandle {
  const prettify = options.format === 'pretty' ? prettyFactory(prettyOptions()) : undefined;
  const render = (line: string) => {
    const fitted = fitLine(maskJson(line));
    return prettify === undefined ? fitted : prettify(fitted);
  };
  const base = { service: options.service, ...options.base };
  const stream = new LineStream(options.write ?? openStdout(), (count) =>
    render(
      `${JSON.stringify({
        timestamp: new Date().toISOString(),
        level: 'WARNING',
        ...base,
        dropped: count,
        message: `${count} log lines were dropped: standard output was not read fast enough`,
      })}\n`,
    ),
  );
  flushAtExit(stream);
  const logger = pino(
    {
      level: options.level,
      base,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      serializers: { err: (error: unknown) => error, error: (error: unknown) => error },
      formatters: { level: (label) => ({ level: LEVELS[label] ?? 'INFO' }), log: redact, bindings: redact },
    },
    { write: (line: string) => stream.write(render(line)) },
  );
  return { logger, dropped: () => stream.dropped, flush: () => stream.flushSync() };
}

const openStreams = new Set<LineStream>();

/** One listener for all loggers of this thread. */
function flushAtExit(stream: LineStream): void {
  if (openStreams.size === 0) {
    process.on('exit', () => {
      for (const open of openStreams) open.flushSync();
    });
  }
  openStreams.add(stream);
}

function prettyOptions(): PrettyOptions {
  const colorize = isatty(1) && process.env['NO_COLOR'] === undefined;
  return {
    colorize,
    messageKey: 'message',
    timestampKey: 'timestamp',
    levelKey: 'level',
    errorLikeObjectKeys: ['err', 'error'],
    translateTime: 'SYS:HH:MM:ss.l',
    customLevels: 'DEBUG:20,INFO:30,WARNING:40,ERROR:50,CRITICAL:60',
    customColors: 'DEBUG:blue,INFO:green,WARNING:yellow,ERROR:red,CRITICAL:bgRed',
    useOnlyCustomProps: true,
    // What a person at a terminal knows already, or sees in the line.
    ignore: 'service,customer_id,node,deploy_color,event,pid',
    singleLine: true,
    messageFormat: (record, messageKey) =>
      `${record['service']}: ${withoutControls(String(record[messageKey] ?? ''))}${eventOf(record, colorize)}`,
  };
}

/** The name by which the runbook knows the line, after its sentence. */
function eventOf({ event }: Readonly<Record<string, unknown>>, colorize: boolean): string {
  if (typeof event !== 'string') return '';
  const name = `[${withoutControls(event)}]`;
  return ` ${colorize ? styleText('dim', name, { validateStream: false }) : name}`;
}
