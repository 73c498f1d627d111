/**
 * Mocha root hooks: cached objects are frozen, so that a mutation throws where it happens; what a suite opened and did not
 * close fails the run with the place that opened it.
 */
import { setCacheFreezing } from '../../src/client/indexer.ts';
import { setFreezeObjects } from '../../src/storage/cacher/freeze.ts';

const open = new Map<object, Error>();

/** Called by whatever the harness opens; `closed` must follow. */
export function opened(thing: object, what: string): void {
  open.set(thing, new Error(`${what} was opened here and never closed`));
}

export function closed(thing: object): void {
  open.delete(thing);
}

export const rootHooks = {
  beforeAll(): void {
    setFreezeObjects(true);
    setCacheFreezing(true);
  },
  afterAll(): void {
    const leaks = [...open.values()];
    open.clear();
    if (leaks.length > 0) throw leaks[0]!;
  },
};
