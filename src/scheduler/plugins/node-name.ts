/** A pod that names its node fits there only. Upstream: plugins/nodename/node_name.go */
import type { Plugin } from '../framework/plugin.ts';
import { unresolvable } from '../framework/status.ts';

const MISMATCH = unresolvable("node(s) didn't match the requested node name");

export const nodeName: Plugin = {
  name: 'NodeName',
  events: [{ event: 'NodeAdd' }],
  filter(_state, { pod }, node) {
    const want = pod.spec?.nodeName;
    return want && want !== node.name ? MISMATCH : undefined;
  },
};
