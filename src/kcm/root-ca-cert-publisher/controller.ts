/** Puts the CA of the API server into every namespace, as the config map kube-root-ca.crt. Upstream: pkg/controller/certificates/rootcacertpublisher */
import type { ConfigMap, Namespace } from '../../api/core-v1.ts';
import { CONFIGMAPS, NAMESPACES } from '../../client/resources.ts';
import { isNamespaceTerminating, isNotFound } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';

const NAME = 'kube-root-ca.crt';
const DESCRIPTION_KEY = 'kubernetes.io/description';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP ' +
  'or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Undefined when there is no CA to publish. */
export function startRootCaCertPublisher(context: ControllerContext): Controller | undefined {
  const { client, flags } = context;
  const { rootCa } = flags;
  if (!rootCa) return undefined;
  const namespaces = context.informers.informer<Namespace>(NAMESPACES);
  const configMaps = context.informers.informer<ConfigMap>(CONFIGMAPS, { fieldSelector: `metadata.name=${NAME}` });
  const loop = new ControllerLoop(context, {
    name: 'root_ca_cert_publisher',
    workers: 1,
    async sync(namespace, signal) {
      const found = configMaps.lister.get(namespace, NAME);
      const data = { 'ca.crt': rootCa };
      if (!found) {
        const annotations = { [DESCRIPTION_KEY]: DESCRIPTION };
        try {
          await client.create<ConfigMap>(
            CONFIGMAPS,
            { metadata: { name: NAME, namespace, annotations }, data },
            { signal },
          );
        } catch (err) {
          if (!isNotFound(err) && !isNamespaceTerminating(err)) throw err;
        }
        return;
      }
      const same = Object.keys(found.data ?? {}).length === 1 && found.data?.['ca.crt'] === rootCa;
      if (same && found.metadata.annotations?.[DESCRIPTION_KEY]) return;
      const annotations = { ...found.metadata.annotations, [DESCRIPTION_KEY]: DESCRIPTION };
      await client.update<ConfigMap>(
        CONFIGMAPS,
        { ...found, metadata: { ...found.metadata, annotations }, data },
        { signal },
      );
    },
  });
  namespaces.addHandler({
    added: (ns) => loop.enqueue(ns),
    updated: (_, ns) => {
      if (ns.status?.phase === 'Active') loop.enqueue(ns);
    },
  });
  const enqueueNamespace = (cm: ConfigMap) => loop.queue.add(cm.metadata.namespace!);
  configMaps.addHandler({ updated: (_, cm) => enqueueNamespace(cm), deleted: enqueueNamespace });
  return loop;
}
