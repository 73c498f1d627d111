/** Sees to it that every active namespace has the service account `default`. Upstream: pkg/controller/serviceaccount */
import type { Namespace, ServiceAccount } from '../../api/core-v1.ts';
import { NAMESPACES, SERVICEACCOUNTS } from '../../client/resources.ts';
import { isAlreadyExists, isNamespaceTerminating } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';

const NAMES = ['default'];

export function startServiceAccountController(context: ControllerContext): Controller {
  const { client } = context;
  const namespaces = context.informers.informer<Namespace>(NAMESPACES);
  const accounts = context.informers.informer<ServiceAccount>(SERVICEACCOUNTS);
  const loop = new ControllerLoop(context, {
    name: 'serviceaccount',
    workers: 1,
    async sync(namespace, signal) {
      if (namespaces.lister.get(undefined, namespace)?.status?.phase !== 'Active') return;
      for (const name of NAMES) {
        if (accounts.lister.get(namespace, name)) continue;
        try {
          await client.create<ServiceAccount>(SERVICEACCOUNTS, { metadata: { name, namespace } }, { signal });
        } catch (err) {
          if (!isAlreadyExists(err) && !isNamespaceTerminating(err)) throw err;
        }
      }
    },
  });
  namespaces.addHandler({ added: (ns) => loop.enqueue(ns), updated: (_, ns) => loop.enqueue(ns) });
  accounts.addHandler({ deleted: (sa) => loop.queue.add(sa.metadata.namespace!) });
  return loop;
}
