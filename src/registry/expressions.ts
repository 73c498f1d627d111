/** What is said to whoever writes expressions in CEL, which are kept and not evaluated. Deviation: upstream evaluates them. */

/** @param what they are: `rules of x-kubernetes-validations` */
export function notEvaluated(what: string): string {
  return `${what} are kept and not evaluated: CEL is not supported yet`;
}
