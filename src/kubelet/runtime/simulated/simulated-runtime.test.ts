/** The simulated runtime passes the suite of all runtimes, on a virtual clock. */
import { VirtualClock } from '../../../base/clock.ts';
import { seededRandom } from '../../../base/random.ts';
import { type RuntimeSubject, runtimeSuite } from '../testing/runtime-suite.ts';
import { AddressPool } from './address-pool.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';

let subject: RuntimeSubject | undefined;

runtimeSuite('simulated', { processes: false }, () => {
  if (subject !== undefined) return subject;
  const clock = new VirtualClock();
  const runtime = new SimulatedRuntime({
    clock,
    random: seededRandom(1),
    addresses: new AddressPool('10.244.0.0/24'),
  });
  subject = {
    runtime,
    image: 'busybox',
    missingImage: 'invalid.example/none:1',
    advance: (ms) => clock.advance(ms),
    logsDir: '/var/log/pods',
  };
  return subject;
});
