/**
 * An API server in this process, on memory storage, ready in milliseconds: what tests use in place of a fake. Give it a virtual
 * clock and a seed, and it does the same thing every time.
 */
import type { Admission } from '../../src/admission/admission.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../src/apiserver/create-api-server.ts';
import { defaultApiServerOptions } from '../../src/apiserver/default-options.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/client/client.ts';
import type { Transport } from '../../src/client/transport.ts';
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { closed, opened } from './root-hooks.ts';

export interface TestApiOptions {
  clock?: Clock;
  random?: Random;
  log?: Logger;
  storage?: Storage;
  /** None when absent: tests of verbs are not about admission. */
  admission?: ApiServerOptions['admission'] | 'default';
  overrides?: Partial<ApiServerOptions>;
}

export interface TestApi extends AsyncDisposable {
  api: ApiServer;
  client: Client;
  transport: Transport;
  storage: Storage;
  close(): Promise<void>;
}

const NO_ADMISSION: Admission = { async admit() {}, async validate() {} };

export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? seededRandom(1);
  const storage = options.storage ?? (await openMemoryStorage({ clock }));
  const defaults = defaultApiServerOptions();
  const api = await createApiServer({
    ...defaults,
    ...(options.admission === 'default' ? {} : { admission: options.admission ?? (() => NO_ADMISSION) }),
    storage,
    clock,
    random,
    log: options.log ?? silentLogger,
    ...options.overrides,
  });
  const close = () => {
    closed(api);
    return api.close();
  };
  opened(api, 'a test API server');
  return { api, client: api.client(), transport: api.transport(), storage, close, [Symbol.asyncDispose]: close };
}
