/** Fills ClusterRoles that have an aggregationRule with the rules of those it selects. Upstream: pkg/controller/clusterroleaggregation */
import type { ClusterRole } from '../../api/rbac-v1.ts';
import { CLUSTERROLES } from '../../client/resources.ts';
import { aggregatedRules } from '../../machinery/authorization/aggregation.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';

const FIELD_MANAGER = 'clusterrole-aggregation-controller';

export function startClusterRoleAggregationController(context: ControllerContext): Controller {
  const { client } = context;
  const roles = context.informers.informer<ClusterRole>(CLUSTERROLES);
  const loop = new ControllerLoop(context, {
    name: 'ClusterRoleAggregator',
    workers: 5,
    async sync(name, signal) {
      const role = roles.lister.get(undefined, name);
      const rules = role && aggregatedRules(role, roles.lister.list());
      if (!rules) return;
      const apply = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
      await client.patch(CLUSTERROLES, name, 'apply', apply, { fieldManager: FIELD_MANAGER, force: true, signal });
    },
  });
  // Any role may be part of any aggregated one.
  const enqueueAll = () => {
    for (const role of roles.lister.list()) if (role.aggregationRule) loop.enqueue(role);
  };
  roles.addHandler({ added: enqueueAll, updated: enqueueAll, deleted: enqueueAll });
  return loop;
}
