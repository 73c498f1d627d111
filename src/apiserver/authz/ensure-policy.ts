/**
 * The post-start hook `rbac/bootstrap-roles`: brings the stored policy up to the bootstrap policy through the loopback client.
 * One list a kind, then only what is missing is written. Upstream: pkg/registry/rbac/rest/storage_rbac.go EnsureRBACPolicy
 */
import type { Logger } from '../../base/log.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { bootstrapPolicy } from '../../registry/rbac/bootstrap.ts';
import { type Reconciliation, reconcileBinding, reconcileRole } from '../../registry/rbac/reconcile.ts';

const rbac = (resource: string, kind: string, namespaced: boolean): ResourceRef => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource,
  kind,
  namespaced,
});
const NAMESPACES: ResourceRef = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
const PARALLEL = 16;

export interface EnsurePolicyOptions {
  client: Client;
  log: Logger;
  signal: AbortSignal;
}

/** Rejects when something could not be written; running it again is safe. */
export async function ensureRbacPolicy({ client, log, signal }: EnsurePolicyOptions): Promise<void> {
  const policy = bootstrapPolicy();
  const jobs: (() => Promise<void>)[] = [];
  const plan = async <T extends KubeObject>(
    ref: ResourceRef,
    expected: T[],
    reconcile: (old: T | undefined, want: T) => Reconciliation<T>,
  ) => {
    const existing = new Map((await client.list<T>(ref, { signal })).items.map((o) => [keyOf(o), o]));
    for (const want of expected)
      jobs.push(() => write(client, ref, reconcile(existing.get(keyOf(want)), want), want, reconcile, { log, signal }));
  };
  await plan(rbac('clusterroles', 'ClusterRole', false), policy.clusterRoles, reconcileRole);
  await plan(rbac('clusterrolebindings', 'ClusterRoleBinding', false), policy.clusterRoleBindings, reconcileBinding);
  await runAll(jobs);
  jobs.length = 0;
  await plan(rbac('roles', 'Role', true), policy.roles, reconcileRole);
  await plan(rbac('rolebindings', 'RoleBinding', true), policy.roleBindings, reconcileBinding);
  for (const name of new Set([...policy.roles, ...policy.roleBindings].map((o) => o.metadata.namespace!)))
    await ensureNamespace(client, name, signal);
  await runAll(jobs);
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

async function runAll(jobs: (() => Promise<void>)[]): Promise<void> {
  const queue = [...jobs];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job().catch((err: unknown) => failures.push(err));
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  if (failures.length > 0) throw new Error('unable to initialize roles', { cause: failures[0] });
}

async function write<T extends KubeObject>(
  client: Client,
  ref: ResourceRef,
  first: Reconciliation<T>,
  want: T,
  reconcile: (old: T | undefined, want: T) => Reconciliation<T>,
  { log, signal }: { log: Logger; signal: AbortSignal },
): Promise<void> {
  const options = { signal, ...(want.metadata.namespace ? { namespace: want.metadata.namespace } : {}) };
  const name = want.metadata.name!;
  let todo = first;
  for (let attempt = 0; ; attempt++) {
    try {
      switch (todo.operation) {
        case 'none':
          return;
        case 'protected':
          log.warn('skipped reconcile-protected policy object', { kind: ref.kind, name });
          return;
        case 'recreate':
          await client.delete(ref, name, options).catch((err: unknown) => {
            if (!isNotFound(err)) throw err;
          });
          await client.create(ref, todo.object, options);
          return;
        case 'create':
          await client.create(ref, todo.object, options);
          return;
        case 'update':
          await client.update(ref, todo.object, options);
          return;
      }
    } catch (err) {
      // Somebody else (another API server starting) was here between our list and our write: look again.
      if (attempt >= 3 || !(isAlreadyExists(err) || isConflict(err) || isNotFound(err))) throw err;
      const now = await client.get<T>(ref, name, options).catch((e: unknown) => {
        if (isNotFound(e)) return undefined;
        throw e;
      });
      todo = reconcile(now, want);
    }
  }
}

async function ensureNamespace(client: Client, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.get(NAMESPACES, name, { signal });
  } catch (err) {
    if (!isNotFound(err)) throw err;
    await client
      .create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { signal })
      .catch((e: unknown) => {
        if (!isAlreadyExists(e)) throw e;
      });
  }
}
