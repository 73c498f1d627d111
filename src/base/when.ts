/** What is mostly there at once and only sometimes has to be waited for: no promise is made, and no turn given up, where it is. */
export type Awaitable<T> = T | Promise<T>;

/** `then` of the value, in this turn when it is there. What it throws is thrown then, too. */
export function when<T, R>(value: Awaitable<T>, then: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(then) : then(value);
}
