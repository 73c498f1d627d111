/** A command line that cannot be understood: one line to the user, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** @throws UsageError when a command that takes flags alone was given anything else. */
export function takesNoArguments(command: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UsageError(`keelson ${command} takes no arguments, got ${JSON.stringify(rest[0])}`);
}

/** A failure the user can do something about: one line without a stack, exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError';
}
