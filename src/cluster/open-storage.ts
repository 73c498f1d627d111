/** Storage by name. */
import type { Clock } from '../base/clock.ts';
import { openMemoryStorage } from '../storage/memory/memory-storage.ts';
import { openSqliteStorage } from '../storage/sqlite/sqlite-storage.ts';
import type { Storage } from '../storage/storage.ts';

export type StorageKind = 'memory' | 'sqlite' | 'etcd';

export interface OpenStorageOptions {
  dataDir: string | undefined;
  etcdServers: readonly string[];
  clock: Clock;
}

/** @throws StorageError when it cannot be opened; nothing is left half-open. */
export async function openStorage(
  kind: StorageKind,
  { dataDir, etcdServers, clock }: OpenStorageOptions,
): Promise<Storage> {
  switch (kind) {
    case 'memory':
      return openMemoryStorage({ clock });
    case 'sqlite':
      if (dataDir === undefined) throw new Error('sqlite storage needs a dataDir');
      return openSqliteStorage({ dir: dataDir, clock });
    case 'etcd': {
      // Its client is the largest of what is installed: only who speaks to etcd pays for it.
      const { openEtcdStorage } = await import('../storage/etcd3/etcd-storage.ts');
      return openEtcdStorage({ servers: [...etcdServers], clock });
    }
  }
}
