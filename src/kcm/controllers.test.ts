import assert from 'node:assert/strict';
import { CONTROLLERS, isControllerEnabled, validateControllerFlags } from './controllers.ts';

describe('the list of controllers', () => {
  it('is chosen from by --controllers', () => {
    const deployment = CONTROLLERS.find((d) => d.name === 'deployment-controller')!;
    const cases = [
      { flags: ['*'], want: true },
      { flags: ['*', '-deployment-controller'], want: false },
      { flags: ['*', '-deployment'], want: false },
      { flags: ['deployment'], want: true },
      { flags: ['job-controller'], want: false },
      { flags: [], want: false },
    ];
    for (const c of cases) assert.equal(isControllerEnabled(deployment, c.flags), c.want, c.flags.join());
  });

  it('refuses names it does not know', () => {
    assert.deepEqual(validateControllerFlags(['*', '-foo', 'job']), ['"foo" is not in the list of known controllers']);
  });
});
