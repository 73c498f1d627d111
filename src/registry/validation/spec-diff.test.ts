import assert from 'node:assert/strict';
import { specDiff } from './spec-diff.ts';

describe('spec diff', () => {
  it('shows what changed, whatever the order of fields', () => {
    const old = { a: 1, nodeSelector: { z: '1' }, list: [{ x: 1, y: 2 }], dnsPolicy: 'Default', last: true };
    const now = {
      dnsPolicy: 'Default',
      list: [{ y: 2, x: 1 }],
      last: true,
      extra: 'new',
      nodeSelector: { z: '1', b: '2' },
      a: 1,
    };
    assert.equal(
      specDiff(old, now),
      `@@ -1,6 +1,7 @@
 {
  "A": 1,
  "NodeSelector": {
+  "b": "2",
   "z": "1"
  },
  "List": [
@@ -10,5 +11,6 @@
   }
  ],
  "DNSPolicy": "Default",
- "Last": true
+ "Last": true,
+ "Extra": "new"
 }
`,
    );
  });
});
