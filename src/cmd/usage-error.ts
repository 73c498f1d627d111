/** A command line that cannot be understood: one line to the user, exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A failure the user can do something about: one line without a stack, exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError';
}
