/** Binds by the pod's binding subresource. Upstream: plugins/defaultbinder/default_binder.go */
import type { Client } from '../../client/client.ts';
import { PODS } from '../../client/resources.ts';
import type { Plugin } from '../framework/plugin.ts';
import { errorStatus } from '../framework/status.ts';

export function defaultBinder(client: Client): Plugin {
  return {
    name: 'DefaultBinder',
    async bind(_state, { pod }, nodeName) {
      const { namespace = '', name = '', uid } = pod.metadata;
      const binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) },
        target: { kind: 'Node', name: nodeName },
      };
      try {
        await client.createSubresource(PODS, name, 'binding', binding, { namespace });
        return undefined;
      } catch (err) {
        return errorStatus(err);
      }
    },
  };
}
