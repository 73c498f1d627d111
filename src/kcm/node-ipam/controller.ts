/** Gives each node a range of addresses for its pods. Upstream: pkg/controller/nodeipam/ipam/range_allocator.go */
import type { Node } from '../../api/core-v1.ts';
import { NODES } from '../../client/resources.ts';
import { statusErrorOf } from '../../machinery/errors/status-error.ts';
import { type CIDR, formatCIDR, parseCIDR } from '../../machinery/validation/ip.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { type CidrSet, cidrSets } from './plan.ts';

const WORKERS = 30;
const PATCH_TRIES = 3;

export function startNodeIpamController(context: ControllerContext): Controller | undefined {
  if (!context.flags.allocateNodeCidrs) return undefined;
  const { client, informers, flags, log } = context;
  const sets = cidrSets(flags);
  const recorder = context.recorder('cidrAllocator');
  const nodes = informers.informer<Node>(NODES);

  /** Uids of nodes whose range is written; the cache may not show it yet. */
  const assigned = new Set<string>();
  const tell = ({ metadata: { name, uid } }: Node, status: string) =>
    recorder.event(
      { apiVersion: 'v1', kind: 'Node', name: name!, ...(uid ? { uid } : {}) },
      'Normal',
      status,
      `Node ${name} status is now: ${status}`,
    );

  const loop = new ControllerLoop(context, {
    name: 'cidrallocator_node',
    workers: WORKERS,
    async sync(key, signal) {
      const node = nodes.lister.getByKey(key);
      if (!node || node.metadata.deletionTimestamp !== undefined) return;
      if (cidrsOf(node).length > 0) return forEach(node, sets, (set, cidr) => set.occupy(cidr));
      if (assigned.has(node.metadata.uid!)) return;
      const taken: CIDR[] = [];
      try {
        for (const set of sets) taken.push(set.allocate());
      } catch (err) {
        giveBack(sets, taken);
        tell(node, 'CIDRNotAvailable');
        throw err;
      }
      const podCIDRs = taken.map(formatCIDR);
      for (let tries = 1; ; tries++) {
        try {
          const patch = { spec: { podCIDR: podCIDRs[0], podCIDRs } };
          await client.patch(NODES, node.metadata.name!, 'strategic', patch, { signal });
          assigned.add(node.metadata.uid!);
          return;
        } catch (err) {
          if (tries < PATCH_TRIES && !signal.aborted) continue;
          tell(node, 'CIDRAssignmentFailed');
          // After a time-out the node may have the range all the same: better lost than given twice.
          if (statusErrorOf(err)?.reason !== 'ServerTimeout') giveBack(sets, taken);
          throw err;
        }
      }
    },
  });

  nodes.addHandler({
    added(node) {
      // At once, so that all ranges that nodes have are known before the first is given away.
      try {
        forEach(node, sets, (set, cidr) => set.occupy(cidr));
      } catch (err) {
        log.error('range of a node cannot be kept', { node: node.metadata.name, err });
      }
      loop.enqueue(node);
    },
    updated: (_, node) => loop.enqueue(node),
    deleted(node) {
      assigned.delete(node.metadata.uid!);
      try {
        forEach(node, sets, (set, cidr) => set.release(cidr));
      } catch (err) {
        log.error('range of a node cannot be released', { node: node.metadata.name, err });
      }
    },
  });
  return loop;
}

function cidrsOf(node: Node): readonly string[] {
  return node.spec?.podCIDRs ?? [];
}

function giveBack(sets: readonly CidrSet[], taken: readonly CIDR[]): void {
  for (const [i, cidr] of taken.entries()) sets[i]!.release(cidr);
}

/** @throws Error when the node has a range that is none, or is in none of the sets */
function forEach(node: Node, sets: readonly CidrSet[], work: (set: CidrSet, cidr: CIDR) => void): void {
  const { name } = node.metadata;
  cidrsOf(node).forEach((text, i) => {
    const cidr = parseCIDR(text);
    if (!cidr) throw new Error(`failed to parse node ${name}, CIDR ${text}`);
    const set = sets[i];
    if (!set)
      throw new Error(
        `node:${name} has an allocated cidr: ${text} at index:${i} that does not exist in cluster cidrs configuration`,
      );
    work(set, cidr);
  });
}
