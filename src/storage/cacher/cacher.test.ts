/** The cacher under the contract's suite, on memory. */
import { VirtualClock } from '../../base/clock.ts';
import { openMemoryStorage } from '../memory/memory-storage.ts';
import { storageSuite } from '../testing/storage-suite.ts';
import { openCacher } from './cacher.ts';

const WATCH_BUFFER = 1000;

storageSuite(
  'cacher on memory',
  async () => {
    const clock = new VirtualClock();
    const storage = openCacher(await openMemoryStorage({ clock }), { clock, watchBuffer: WATCH_BUFFER });
    storage.cacheStored('/registry/');
    return {
      storage,
      root: '/registry/things/',
      pass: (ms) => clock.advance(ms),
      close: () => storage[Symbol.asyncDispose](),
    };
  },
  { watchBuffer: WATCH_BUFFER },
);
