import assert from 'node:assert/strict';
import { VirtualClock } from '../base/clock.ts';
import type { CoreEvent } from './event.ts';
import { EventCorrelator } from './event-correlator.ts';

const event = (name: string, message: string): CoreEvent => ({
  metadata: { name, namespace: 'ns' },
  involvedObject: { kind: 'Pod', namespace: 'ns', name: 'p', uid: 'u' },
  reason: 'R',
  message,
  source: { component: 'c' },
  firstTimestamp: 't',
  lastTimestamp: 't',
  count: 1,
  type: 'Normal',
  eventTime: null,
  reportingComponent: 'c',
  reportingInstance: '',
});

describe('EventCorrelator', () => {
  it('counts equal events under the first name', () => {
    const c = new EventCorrelator(new VirtualClock());
    c.observed(c.correlate(event('e1', 'm')).event);
    const second = c.correlate(event('e2', 'm')).event;
    assert.deepEqual([second.metadata.name, second.count], ['e1', 2]);
  });

  it('combines the tenth similar event of ten minutes', () => {
    const c = new EventCorrelator(new VirtualClock());
    const messages = Array.from({ length: 10 }, (_, i) => c.correlate(event(`e${i}`, `m${i}`)).event.message);
    assert.deepEqual(messages.slice(8), ['m8', '(combined from similar events): m9']);
  });

  it('drops what comes after 25 on one object and lets one through every five minutes', async () => {
    const clock = new VirtualClock();
    const c = new EventCorrelator(clock);
    const skipped = Array.from({ length: 27 }, () => c.correlate(event('e', 'm')).skip);
    assert.equal(skipped.indexOf(true), 25);
    await clock.advance(300_000);
    assert.equal(c.correlate(event('e', 'm')).skip, false);
    assert.equal(c.correlate(event('e', 'm')).skip, true);
  });
});
