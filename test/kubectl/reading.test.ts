/** Ways of looking: get in its output forms, selectors, watches, explain, discovery. */
import assert from 'node:assert/strict';
import { needs } from '../harness/needs.ts';
import { DEPLOYMENT, openSession, type Session, table, withEachKubectl } from './session.ts';

withEachKubectl('reading', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ version });
    const { k, with: other } = session;
    await other({ stdin: DEPLOYMENT }).k`apply -f -`;
    await k`rollout status deploy/web --timeout=20s`;
    await k`create cm zebra --from-literal=a=b`;
    await k`create cm aard --from-literal=a=b --from-literal=c=d`;
    await k`label cm zebra kind=animal stripes=yes`;
  });
  after(() => session?.[Symbol.asyncDispose]());

  it('says its versions', async () => {
    const { k } = session;
    assert.match(
      await k`version`,
      new RegExp(`^Client Version: v${version}\\.\\d+\\nKustomize Version: \\S+\\nServer Version: v1\\.36\\.2\\S*$`),
    );
    assert.match(await k`cluster-info`, /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/);
    assert.match(await k`config view`, /name: kubernetes-admin@keelson/);
    assert.match(await k`get --raw /version`, /"major": "1",\s+"minor": "36"/);
  });

  it('lists resources and versions', async () => {
    const { k } = session;
    const resources = table(await k`api-resources`);
    assert.deepEqual(resources[0], ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND']);
    assert.ok(resources.some((r) => r.join(' ') === 'deployments deploy apps/v1 true Deployment'));
    assert.ok(resources.length > 60);
    const names = (await k`api-resources --namespaced=false --verbs=list -o name`).split('\n');
    assert.ok(names.includes('nodes') && !names.includes('pods'));
    const versions = (await k`api-versions`).split('\n');
    assert.ok(['v1', 'apps/v1', 'autoscaling/v2'].every((v) => versions.includes(v)));
  });

  it('selects and sorts', async () => {
    const { k, refused } = session;
    const own = '--field-selector=metadata.name!=kube-root-ca.crt';
    assert.equal(await k`get cm ${own} --sort-by=.metadata.name -o name`, 'configmap/aard\nconfigmap/zebra');
    assert.equal(
      await k`get cm ${own} --sort-by='{.data.c}' -o name --chunk-size=1`,
      'configmap/zebra\nconfigmap/aard',
    );
    assert.equal(await k`get cm -l 'kind in (animal), stripes' -o name`, 'configmap/zebra');
    assert.deepEqual(
      table(await k`get cm zebra -L stripes --show-labels`).map((r) => r.toSpliced(2, 1)),
      [
        ['NAME', 'DATA', 'STRIPES', 'LABELS'],
        ['zebra', '1', 'yes', 'kind=animal,stripes=yes'],
      ],
    );
    assert.equal(
      await refused`get pods --field-selector=spec.nope=x`,
      'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "spec.nope=x": field label not supported: spec.nope',
    );
    assert.equal(
      await refused`get pods -l 'a in b'`,
      `Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a in b", field selector "": unable to parse requirement: found 'b' expected: '('`,
    );
    assert.equal(await refused`get nope`, `error: the server doesn't have a resource type "nope"`);
    assert.equal(await k`get pods -n nowhere`, '');
  });

  it('prints in each form', async () => {
    const { k } = session;
    assert.equal(
      await k`get deploy web -o jsonpath='{.spec.template.spec.containers[*].image} {.status.readyReplicas}'`,
      'nginx:1.27 2',
    );
    assert.equal(
      await k`get deploy -o custom-columns=NAME:.metadata.name,IMG:.spec.template.spec.containers[0].image`,
      'NAME   IMG\nweb    nginx:1.27',
    );
    assert.equal(await k`get deploy web -o go-template='{{.spec.replicas}}'`, '2');
    assert.equal(JSON.parse(await k`get deploy web -o json`).spec.revisionHistoryLimit, 10);
    const yaml = await k`get deploy web -o yaml`;
    assert.ok(!yaml.includes('managedFields'));
    assert.match(
      await k`get deploy web -o yaml --show-managed-fields`,
      /manager: kubectl-client-side-apply\n {4}operation: Update/,
    );
    const [head, row] = table(await k`get deploy -o wide`);
    assert.deepEqual(head, ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE', 'CONTAINERS', 'IMAGES', 'SELECTOR']);
    assert.deepEqual(row?.slice(5), ['nginx', 'nginx:1.27', 'app=web']);
    const nodes = table(await k`get nodes -o wide`);
    assert.deepEqual(nodes[0]?.slice(0, 6), ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION', 'INTERNAL-IP']);
    const all = await k`get all -A`;
    assert.match(all, /default +service\/kubernetes +ClusterIP +10\.96\.0\.1 +<none> +443\/TCP/);
    assert.match(all, /default +deployment\.apps\/web +2\/2/);
  });

  it('watches', async () => {
    const { k, run } = session;
    const watching = run`get cm -w --request-timeout=2s -l watch=me -o jsonpath='{.metadata.name}={.data.n}{"\n"}' --output-watch-events=false`;
    await k`create cm seen --from-literal=n=1 --dry-run=client -o yaml`;
    await k`create cm seen --from-literal=n=1`;
    await k`label cm seen watch=me`;
    await k`patch cm seen -p '{"data":{"n":"2"}}'`;
    await k`delete cm seen`;
    const { stdout } = await watching;
    assert.deepEqual(stdout.trim().split('\n'), ['seen=1', 'seen=2', 'seen=2']);
  });

  it('explains', async () => {
    const { k, refused } = session;
    const all = await k`explain pod --recursive`;
    assert.match(all, /^KIND: +Pod\nVERSION: +v1\n/);
    assert.match(all, /\n {4}containers\t<\[\]Container> -required-\n/);
    assert.match(await k`explain deploy.spec.replicas`, /FIELD: replicas <integer>/);
    assert.match(await k`explain hpa.spec --api-version=autoscaling/v1`, /targetCPUUtilizationPercentage\t<integer>/);
    assert.equal(await refused`explain pods.spec.containers.nope`, 'error: field "nope" does not exist');
  });

  it('warns who reads Endpoints', async () => {
    const { stderr } = await session.run`get endpoints`;
    assert.match(
      stderr,
      /^Warning: v1 Endpoints is deprecated in v1\.33\+; use discovery\.k8s\.io\/v1 EndpointSlice\n/,
    );
  });

  it('dumps the cluster', async () => {
    const { k, dir } = session;
    await k`cluster-info dump --output-directory=${dir}/dump -n default`;
    assert.match(
      await k`--kubeconfig=${dir}/kubeconfig get -f ${dir}/dump/default/deployments.json -o name`,
      /deployment\.apps\/web/,
    );
  });
});
