/** The floor answers a create with as many bytes as it was taught, however often it is taught. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FloorObjects } from './floor-objects.ts';

describe('the floor of the benchmarks', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'keelson-floor-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('keeps its padding when a second case finds that nothing is missing', async () => {
    await using objects = new FloorObjects(`${dir}/floor.db`);
    const create = (name: string) =>
      new Promise<number>((resolve) => {
        const body = Buffer.from(`{"metadata":{"name":"${name}"}}`);
        objects.write('POST', '/pods', body, (_, bytes) => resolve(bytes.length));
      });
    const plain = await create('a');
    objects.pad('/pods', 4000);
    assert.equal(await create('b'), plain + 4000);
    objects.pad('/pods', 0);
    assert.equal(await create('c'), plain + 4000);
    objects.pad('/pods', -1);
    assert.equal(await create('d'), plain + 3999);
  });
});
