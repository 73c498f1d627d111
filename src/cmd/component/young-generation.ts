/**
 * Bounds V8's young generation. It doubles whenever enough has outlived it since it doubled last, up to 134 MB, which every server that is busy for some time
 * reaches; beyond a quarter of that a write costs no less. The bound can only be given on Node's command line, the factor of growth at any time.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves. */
const ENOUGH_BYTES = 32 << 20;
/** V8's own. */
const FACTOR = 2;

export interface YoungGenerationOptions {
  /** Calls back after each collection. */
  watch?(collected: () => void): Disposable;
  /** Bytes it can hold now. */
  size?(): number;
  /** From now on it grows by so much. */
  grow?(factor: number): void;
}

/** Until it is disposed of. */
export function boundYoungGeneration({
  watch = watchCollections,
  size = newSpaceBytes,
  grow = tellV8,
}: YoungGenerationOptions = {}): Disposable {
  let isEnough = false;
  const look = () => {
    const now = size() >= ENOUGH_BYTES;
    if (now === isEnough) return;
    isEnough = now;
    grow(isEnough ? 1 : FACTOR);
  };
  const watching = watch(look);
  return {
    [Symbol.dispose]() {
      watching[Symbol.dispose]();
      if (isEnough) grow(FACTOR);
    },
  };
}

function watchCollections(collected: () => void): Disposable {
  const observer = new PerformanceObserver(collected);
  observer.observe({ entryTypes: ['gc'] });
  return {
    [Symbol.dispose]() {
      observer.disconnect();
    },
  };
}

function newSpaceBytes(): number {
  return getHeapSpaceStatistics().find((s) => s.space_name === 'new_space')?.space_size ?? 0;
}

function tellV8(factor: number): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}
