/** Ranges of nodes: what is cut out of the cluster's range, in which order, and what is kept free. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatCIDR, parseCIDR } from '../../machinery/validation/ip.ts';
import { CidrSet, cidrSets } from './plan.ts';

const flags = {
  clusterCidr: '10.244.0.0/16',
  serviceClusterIpRange: undefined,
  nodeCidrMaskSize: 0,
  nodeCidrMaskSizeIpv4: 0,
  nodeCidrMaskSizeIpv6: 0,
};
const take = (sets: CidrSet[], n: number) =>
  Array.from({ length: n }, () => sets.map((s) => formatCIDR(s.allocate())).join());

describe('ranges of nodes', () => {
  const cases = [
    { name: 'in order', more: {}, want: ['10.244.0.0/24', '10.244.1.0/24'] },
    { name: 'of another size', more: { nodeCidrMaskSize: 26 }, want: ['10.244.0.0/26', '10.244.0.64/26'] },
    {
      name: 'besides the services',
      more: { serviceClusterIpRange: '10.244.0.0/23' },
      want: ['10.244.2.0/24', '10.244.3.0/24'],
    },
    {
      name: 'services elsewhere',
      more: { serviceClusterIpRange: '10.96.0.0/12' },
      want: ['10.244.0.0/24', '10.244.1.0/24'],
    },
    {
      name: 'of both families',
      more: { clusterCidr: '10.0.0.0/8,fd00:10::/48' },
      want: ['10.0.0.0/24,fd00:10::/64', '10.0.1.0/24,fd00:10:0:1::/64'],
    },
  ];
  for (const { name, more, want } of cases) {
    it(name, () => assert.deepEqual(take(cidrSets({ ...flags, ...more }), 2), want));
  }

  it('are given again when all others are taken, the longest free first', () => {
    const set = new CidrSet(parseCIDR('10.0.0.0/30')!, 32);
    assert.deepEqual(take([set], 4), ['10.0.0.0/32', '10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32']);
    assert.throws(() => set.allocate(), /there are no remaining CIDRs left to allocate in the accepted range/);
    set.release(parseCIDR('10.0.0.2/32')!);
    assert.deepEqual(take([set], 1), ['10.0.0.2/32']);
  });

  it('outside the cluster are refused', () => {
    const set = new CidrSet(parseCIDR('10.0.0.0/16')!, 24);
    assert.throws(
      () => set.occupy(parseCIDR('11.0.0.0/24')!),
      /cidr 11\.0\.0\.0\/24 is out the range of cluster cidr 10\.0\.0\.0\/16/,
    );
    assert.throws(() => new CidrSet(parseCIDR('fd00::/40')!, 64), /the node CIDR size is too big/);
  });

  it('never overlap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(63), { maxLength: 20 }), (n, kept) => {
        const set = new CidrSet(parseCIDR('10.0.0.0/18')!, 24);
        const known = new Set(kept.map((k) => `10.0.${k}.0/24`));
        for (const k of known) set.occupy(parseCIDR(k)!);
        for (let i = 0; i < Math.min(n, 64 - known.size); i++) {
          const next = formatCIDR(set.allocate());
          assert.ok(!known.has(next));
          known.add(next);
        }
      }),
    );
  });
});
