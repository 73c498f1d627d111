/** helm 4 with a chart of a dozen kinds, a CRD, hooks and a test: install, upgrade, rollback, test, uninstall. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { needs } from '../harness/needs.ts';
import { openSession, type Session } from './session.ts';

const chart = fileURLToPath(new URL('chart', import.meta.url));

interface Release {
  name: string;
  namespace: string;
  revision: string;
  status: string;
  chart: string;
}

describe('helm', function () {
  this.timeout(60_000);
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession();
  });
  after(() => session?.[Symbol.asyncDispose]());
  const json = async <T>(text: Promise<string>): Promise<T> => JSON.parse(await text) as T;

  it('installs and waits until all is ready', async () => {
    const { k, helm, helmRefused } = session;
    const said = await helm`install r ${chart} --wait --timeout 30s`;
    assert.match(said, /STATUS: deployed\nREVISION: 1\nDESCRIPTION: Install complete\nNOTES:\nr says hello\.$/);
    assert.match(await k`get deploy r-web`, /r-web +2\/2/);
    assert.match(await k`get berths`, /r-north +200/);
    assert.equal(await k`get job r-prepare --ignore-not-found`, '', 'a hook that succeeded is gone');
    assert.equal(await k`get cm r-installed -o jsonpath={.data.revision}`, '1');
    assert.match(await helmRefused`install r ${chart}`, /cannot reuse a name that is still in use$/);
  });

  it('tells what it installed', async () => {
    const { helm } = session;
    const [release] = await json<Release[]>(helm`list -o json`);
    assert.deepEqual(
      { ...release, updated: undefined },
      {
        name: 'r',
        namespace: 'default',
        revision: '1',
        updated: undefined,
        status: 'deployed',
        chart: 'harbour-0.1.0',
        app_version: '1.27',
      },
    );
    const manifest = await helm`get manifest r`;
    const kinds = new Set([...manifest.matchAll(/^kind: (\w+)$/gm)].map((m) => m[1]));
    assert.ok(kinds.size >= 12, [...kinds].join(' '));
    assert.match(manifest, /cluster: "v1\.36\.2\S*"/, 'the version of the server');
    assert.match(await helm`get hooks r`, /name: r-prepare/);
    assert.match(await helm`status r`, /^NAME: r\n/);
  });

  it('runs the tests of the chart', async () => {
    const said = await session.helm`test r --logs --timeout 20s`;
    assert.match(said, /TEST SUITE: +r-answers\n[\s\S]*Phase: +Succeeded\n/);
    assert.match(said, /POD LOGS: r-answers\nit answers/);
  });

  it('upgrades, by server-side apply', async () => {
    const { k, helm } = session;
    await helm`upgrade r ${chart} --set replicas=3 --set greeting=bye --wait --timeout 30s`;
    assert.match(await k`get deploy r-web`, /r-web +3\/3/);
    assert.equal(await k`get cm r-config -o jsonpath={.data.greeting}`, 'bye');
    assert.match(
      await k`get deploy r-web -o jsonpath='{range .metadata.managedFields[*]}{.manager}:{.operation} {end}'`,
      /^helm:Apply /,
    );
  });

  it('removes what the chart no longer has', async () => {
    const { k, helm } = session;
    await helm`upgrade r ${chart} --reuse-values --set worker.enabled=false --wait --timeout 30s`;
    assert.equal(await k`get job r-seed --ignore-not-found`, '');
  });

  it('reports a failed upgrade and rolls back', async () => {
    const { k, helm, helmRefused } = session;
    assert.match(
      await helmRefused`upgrade r ${chart} --set image= --timeout 5s`,
      /Deployment\.apps "r-web" is invalid: spec\.template\.spec\.containers\[0\]\.image: Required value/,
    );
    await helm`rollback r 1 --wait --timeout 30s`;
    assert.equal(await k`get cm r-config -o jsonpath={.data.greeting}`, 'hello');
    const history = await json<{ status: string; description: string }[]>(helm`history r -o json`);
    assert.deepEqual(
      history.map((h) => h.status),
      ['superseded', 'superseded', 'superseded', 'failed', 'deployed'],
    );
    assert.equal(history.at(-1)?.description, 'Rollback to 1');
  });

  it('installs beside itself, client-side, in a namespace it makes', async () => {
    const { helm } = session;
    await helm`upgrade --install r2 ${chart} -n other --create-namespace --server-side=false --set replicas=1 --wait --timeout 30s`;
    const releases = await json<Release[]>(helm`list -A -o json`);
    assert.deepEqual(releases.map((r) => `${r.namespace}/${r.name}`).sort(), ['default/r', 'other/r2']);
    await helm`uninstall r2 -n other --wait --timeout 30s`;
  });

  it('uninstalls everything but the definitions', async () => {
    const { k, helm } = session;
    assert.equal(await helm`uninstall r --wait --timeout 30s`, 'release "r" uninstalled');
    assert.equal(await k`get deploy,svc,sa,role,berths,ing -l app.kubernetes.io/instance=r -o name`, '');
    assert.equal(await k`get berths -o name`, '');
    assert.match(await k`get crd -o name`, /berths\.harbour\.example\.com/);
    await k`wait --for=delete pod -l app=r-web --timeout=20s`;
  });
});
