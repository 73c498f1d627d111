/** What of a KubeSchedulerConfiguration is taken, and that the rest is refused by name. */
import assert from 'node:assert/strict';
import { schedulerConfiguration } from './scheduler-configuration.ts';

const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

describe('KubeSchedulerConfiguration', () => {
  it('sets connection, leader election and the name of the profile', () => {
    const yaml = `${HEAD}clientConnection:
  kubeconfig: /etc/kubernetes/scheduler.conf
leaderElection:
  leaderElect: true
  leaseDuration: 30s
  resourceLock: leases
profiles:
- schedulerName: mine
`;
    assert.deepEqual(schedulerConfiguration(yaml, 'f'), {
      schedulerName: 'mine',
      flags: {
        kubeconfig: '/etc/kubernetes/scheduler.conf',
        'leader-elect': true,
        'leader-elect-lease-duration': 30_000,
      },
    });
  });

  const refused = [
    {
      name: 'another kind',
      yaml: 'apiVersion: v1\nkind: Pod\n',
      want: 'f: no kind "Pod" is registered for version "v1"',
    },
    { name: 'no object', yaml: '[]', want: 'f: must be an object' },
    { name: 'an unknown field', yaml: `${HEAD}parallelism: 4\n`, want: 'f: parallelism is not supported' },
    {
      name: 'plugins of a profile',
      yaml: `${HEAD}profiles:\n- schedulerName: a\n  plugins: {}\n`,
      want: 'f: profiles[0]: plugins is not supported',
    },
    { name: 'two profiles', yaml: `${HEAD}profiles: [{}, {}]\n`, want: 'f: profiles: exactly one is supported' },
    {
      name: 'a duration that is none',
      yaml: `${HEAD}leaderElection: {leaseDuration: 5}\n`,
      want: 'f: leaderElection.leaseDuration: must be a duration',
    },
    {
      name: 'a field of the connection',
      yaml: `${HEAD}clientConnection: {qps: 5}\n`,
      want: 'f: clientConnection.qps: not supported',
    },
  ];
  for (const { name, yaml, want } of refused) {
    it(`refuses ${name}`, () =>
      assert.throws(() => schedulerConfiguration(yaml, 'f'), { name: 'CommandError', message: want }));
  }
});
