/** Gates can be set to what they are. */
import assert from 'node:assert/strict';
import { checkFeatureGates } from './feature-gates.ts';

describe('--feature-gates', () => {
  for (const pair of ['WatchList=true', 'AllAlpha=false', 'AllBeta=true', 'CRIListStreaming=false']) {
    it(`takes ${pair}`, () => checkFeatureGates([pair]));
  }
  const refused = [
    { pair: 'Nope=true', want: /unrecognized feature gate: Nope$/ },
    { pair: 'WatchList', want: /missing bool value for WatchList$/ },
    { pair: 'WatchList=perhaps', want: /invalid value of WatchList=perhaps, err: strconv\.ParseBool/ },
    { pair: 'AllAlpha=true', want: /cannot set feature gate AllAlpha to true/ },
    {
      pair: 'CRIListStreaming=true',
      want: /cannot set feature gate CRIListStreaming to true: only its default, false/,
    },
  ];
  for (const { pair, want } of refused) {
    it(`refuses ${pair}`, () => assert.throws(() => checkFeatureGates([pair]), { name: 'UsageError', message: want }));
  }
});
