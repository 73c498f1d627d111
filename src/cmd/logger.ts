/** The pino-backed Logger of the command line: JSON lines when not a terminal, short lines on one. */
import pino from 'pino';
import type { Logger } from '../base/log.ts';

export interface LoggerOptions {
  /** As upstream's -v: 0 to 2 informs, 3 and more adds debugging. Below 0: warnings only. */
  verbosity: number;
  /** `text` for people, `json` for machines. */
  format: 'text' | 'json';
}

export function newLogger({ verbosity, format }: LoggerOptions): Logger {
  const level = verbosity < 0 ? 'warn' : verbosity >= 3 ? 'debug' : 'info';
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      err: (err: unknown) =>
        err instanceof Error ? { type: err.name, message: err.message, stack: err.stack, cause: causeOf(err) } : err,
    },
  };
  return wrap(
    format === 'json' ? pino(options, pino.destination({ dest: 2, sync: true })) : pino(options, textStream()),
  );
}

function causeOf(err: Error): string | undefined {
  return err.cause instanceof Error ? err.cause.message : undefined;
}

/** `12:04:05 warn  node lease not written, will retry  node=node-1` */
function textStream(): { write(line: string): void } {
  return {
    write(line) {
      const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const rest = Object.entries(fields).map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`);
      if (err !== undefined && err !== null)
        rest.push(`err=${JSON.stringify((err as { message?: string }).message ?? err)}`);
      process.stderr.write(
        `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}\n`,
      );
    },
  };
}

function wrap(logger: pino.Logger): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (msg: string, fields?: Record<string, unknown>) =>
    logger[level](fields ?? {}, msg);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => wrap(logger.child(fields)),
  };
}
