/** Failures of a start that the user can do something about, as one line; anything else is passed on with its stack. */
import { getSystemErrorMap } from 'node:util';
import { StorageError } from '../storage/storage.ts';
import { CommandError } from './usage-error.ts';

export function plainError(err: unknown): unknown {
  if (!(err instanceof Error)) return err;
  if (err instanceof StorageError) return new CommandError(err.message, { cause: err });
  const { code, syscall, address, port, path, hostname } = err as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  if (syscall === 'getaddrinfo') return new CommandError(`${hostname} cannot be resolved: ${code}`, { cause: err });
  if (syscall === 'listen') return new CommandError(listenProblem(code, `${address}:${port}`, err), { cause: err });
  if (code !== undefined && path !== undefined) return cannotUse(path, err);
  return err;
}

/** That a file or directory cannot be used, in the system's words: `permission denied`. */
export function cannotUse(what: string, err: unknown): CommandError {
  const { errno, code } = err as NodeJS.ErrnoException;
  const words = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  return new CommandError(`cannot use ${what}: ${words ?? code ?? err}`, { cause: err });
}

function listenProblem(code: string | undefined, where: string, err: Error): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use by another process; choose another port`;
    case 'EADDRNOTAVAIL':
      return `${where} is no address of this machine`;
    case 'EACCES':
      return `may not listen on ${where}`;
    default:
      return err.message;
  }
}
