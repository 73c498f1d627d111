/** Pull policies, back-off between pulls, and what events say of them. */
import assert from 'node:assert/strict';
import type { Container, Pod } from '../api/core-v1.ts';
import { VirtualClock } from '../base/clock.ts';
import { seededRandom } from '../base/random.ts';
import { Images } from './images.ts';
import { registryOf } from './pull-secrets.ts';
import { AddressPool } from './runtime/simulated/address-pool.ts';
import { SimulatedRuntime } from './runtime/simulated/simulated-runtime.ts';

const pod = { metadata: { uid: 'u', name: 'p', namespace: 'n' } } as Pod;

function setUp() {
  const clock = new VirtualClock();
  const runtime = new SimulatedRuntime({ clock, random: seededRandom(1), addresses: new AddressPool('10.0.0.0/24') });
  const images = new Images({ runtime, clock });
  const events: string[] = [];
  const ensure = (image: string, imagePullPolicy: string) =>
    images
      .ensure(
        pod,
        { name: 'c', image, imagePullPolicy } as Container,
        [],
        (t, r, m) => events.push(`${t} ${r} ${m}`),
        new AbortController().signal,
      )
      .then(
        () => 'ok',
        (err: { reason?: string }) => err.reason ?? 'unexpected',
      );
  return { clock, ensure, events };
}

describe('images', () => {
  it('IfNotPresent pulls once, Always each time, Never not at all', async () => {
    const { ensure, events } = setUp();
    assert.equal(await ensure('a:1', 'Never'), 'ErrImageNeverPull');
    assert.equal(await ensure('a:1', 'IfNotPresent'), 'ok');
    assert.equal(await ensure('a:1', 'IfNotPresent'), 'ok');
    assert.equal(await ensure('a:1', 'Never'), 'ok');
    assert.equal(await ensure('a:1', 'Always'), 'ok');
    const pulled =
      'Normal Pulled Successfully pulled image "a:1" in 0s (0s including waiting). Image size: 50000000 bytes.';
    const present = 'Normal Pulled Container image "a:1" already present on machine and can be accessed by the pod';
    assert.deepEqual(events, [
      'Warning ErrImageNeverPull Container image "a:1" is not present with pull policy of Never',
      'Normal Pulling Pulling image "a:1"',
      pulled,
      present,
      present,
      'Normal Pulling Pulling image "a:1"',
      pulled,
    ]);
  });

  it('waits 10 s, 20 s, ... 300 s after failed pulls', async () => {
    const { clock, ensure } = setUp();
    const pulls: number[] = [];
    const start = clock.now();
    for (let last = ''; pulls.length < 8; await clock.advance(1000)) {
      const reason = await ensure('a:missing', 'IfNotPresent');
      if (reason === 'ErrImagePull' && last !== reason) pulls.push((clock.now() - start) / 1000);
      last = reason;
    }
    assert.deepEqual(pulls.map((t, i) => t - (pulls[i - 1] ?? 0)).slice(1), [10, 20, 40, 80, 160, 300, 300]);
  });

  const registries: [image: string, want: string][] = [
    ['busybox', 'index.docker.io'],
    ['library/busybox:1', 'index.docker.io'],
    ['registry.k8s.io/pause:3.10', 'registry.k8s.io'],
    ['localhost/a', 'localhost'],
    ['host:5000/a/b@sha256:0', 'host:5000'],
  ];
  for (const [image, want] of registries)
    it(`${image} comes from ${want}`, () => assert.equal(registryOf(image), want));
});
