/** Writing objects: server-side apply and its conflicts, diff, patch, edit, replace, prune, kustomize, refusals. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needs } from '../harness/needs.ts';
import { DEPLOYMENT, openSession, type Session, withEachKubectl } from './session.ts';

withEachKubectl('writing', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ version });
  });
  after(() => session?.[Symbol.asyncDispose]());
  const given = (stdin: string) => session.with({ stdin });

  it('applies on the server, with conflicts and force', async () => {
    const { k } = session;
    assert.equal(await given(DEPLOYMENT).k`apply --server-side -f -`, 'deployment.apps/web serverside-applied');
    await k`scale deploy web --replicas=5`;
    assert.equal(
      await given(DEPLOYMENT.replace('replicas: 2', 'replicas: 3')).refused`apply --server-side -f -`,
      `error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the \`--force-conflicts\` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`,
    );
    await given(DEPLOYMENT).k`apply --server-side --force-conflicts -f -`;
    assert.equal(await k`get deploy web -o jsonpath={.spec.replicas}`, '2');
    const other = given(DEPLOYMENT.replace('1.27', '1.28'));
    assert.match(
      await other.refused`apply --server-side --field-manager=other -f -`,
      /conflict with "kubectl": \.spec\.template\.spec\.containers\[name="nginx"\]\.image/,
    );
    await other.k`apply --server-side --field-manager=other --force-conflicts -f -`;
    await given(DEPLOYMENT.replace('1.27', '1.28').replace(/ +ports:.*\n/, ''))
      .k`apply --server-side --field-manager=other --force-conflicts -f -`;
    assert.equal(
      await k`get deploy web -o jsonpath={.spec.template.spec.containers[0].ports[0].name}`,
      'http',
      'kubectl still owns it',
    );
    await k`delete deploy web`;
  });

  it('compares before it applies', async () => {
    const { k } = session;
    assert.equal(
      await given(DEPLOYMENT).k`apply -f - --dry-run=server`,
      'deployment.apps/web created (server dry run)',
    );
    assert.equal(await given(DEPLOYMENT).k`apply -f - --dry-run=client`, 'deployment.apps/web created (dry run)');
    await given(DEPLOYMENT).k`apply -f -`;
    assert.equal(await given(DEPLOYMENT).k`diff -f -`, '');
    const changed = await given(DEPLOYMENT.replace('replicas: 2', 'replicas: 3')).run`diff -f -`;
    assert.equal(changed.code, 1);
    assert.match(
      changed.stdout,
      /\n- {2}generation: \d+\n\+ {2}generation: \d+\n[\s\S]*\n- {2}replicas: 2\n\+ {2}replicas: 3\n/,
    );
    assert.match(await k`apply view-last-applied deploy web`, /replicas: 2/);
  });

  it('patches in three ways', async () => {
    const { k, refused } = session;
    assert.equal(await k`patch deploy web -p '{"spec":{"replicas":3}}'`, 'deployment.apps/web patched');
    assert.equal(await k`patch deploy web -p '{"spec":{"replicas":3}}'`, 'deployment.apps/web patched (no change)');
    await k`patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","imagePullPolicy":"Always"}]}}}}'`;
    assert.equal(
      await k`get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}'`,
      'nginx:1.27',
      'merged by name',
    );
    await k`patch deploy web --type=merge -p '{"spec":{"replicas":2}}'`;
    await k`patch deploy web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":1}]'`;
    await k`patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'`;
    assert.equal(await k`get deploy web -o jsonpath={.spec.replicas}`, '2');
    assert.equal(
      await refused`patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":77}]'`,
      'The request is invalid: the server rejected our request due to an error in our request',
    );
    assert.equal(
      await refused`patch deploy web -p '{"spec":{"replicas":"x"}}'`,
      'The request is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32',
    );
    assert.equal(
      await refused`patch deploy web -p '{"spec":{"selector":{"matchLabels":{"x":"y"}}}}'`,
      `The Deployment "web" is invalid: \n${[
        '* spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        '* spec.selector: Invalid value: {"matchLabels":{"app":"web","x":"y"}}: field is immutable',
      ].join('\n')}`,
    );
  });

  it('edits with an editor', async () => {
    const { k, with: other } = session;
    const editor = (command: string) => other({ env: { KUBE_EDITOR: command } });
    assert.equal(await editor('sed -i s/replicas:.*/replicas:\\ 4/').k`edit deploy web`, 'deployment.apps/web edited');
    assert.equal(await k`get deploy web -o jsonpath={.spec.replicas}`, '4');
    const same = await editor('true').run`edit deploy web`;
    assert.equal(same.stderr + same.stdout, 'Edit cancelled, no changes made.\n');
    const bad = await editor('sed -i s/replicas:.*/replicas:\\ -2/').run`edit deploy web`;
    assert.match(bad.stderr, /^error: deployments\.apps "web" is invalid\nA copy of your changes has been stored to /);
  });

  it('labels and annotates', async () => {
    const { k, refused } = session;
    assert.equal(await k`label deploy web tier=db`, 'deployment.apps/web labeled');
    assert.equal(
      await refused`label deploy web tier=x`,
      "error: 'tier' already has a value (db), and --overwrite is false",
    );
    assert.equal(await k`label deploy web tier=x --overwrite`, 'deployment.apps/web labeled');
    assert.equal(await k`label deploy web tier-`, 'deployment.apps/web unlabeled');
    assert.equal(await k`annotate deploy web a=b`, 'deployment.apps/web annotated');
    assert.equal(await k`annotate deploy web a-`, 'deployment.apps/web annotated');
  });

  it('replaces, unless it is stale', async () => {
    const { k, refused } = session;
    const yaml = await k`get deploy web -o yaml`;
    assert.equal(
      await given(yaml.replace(/replicas: .*/, 'replicas: 1')).k`replace -f -`,
      'deployment.apps/web replaced',
    );
    assert.equal(
      await given(yaml).refused`replace -f -`,
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
    );
    const uid = await k`get deploy web -o jsonpath={.metadata.uid}`;
    assert.equal(
      await given(DEPLOYMENT).k`replace --force -f -`,
      'deployment.apps "web" deleted from default namespace\ndeployment.apps/web replaced',
    );
    assert.notEqual(await k`get deploy web -o jsonpath={.metadata.uid}`, uid);
    assert.equal(
      await refused`replace -f ${await session.file('cm.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: zz}\n')}`,
      `Error from server (NotFound): error when replacing "${session.dir}/cm.yaml": configmaps "zz" not found`,
    );
  });

  it('builds and applies a kustomization, and prunes what left it', async () => {
    const { k } = session;
    const dir = join(session.dir, 'kustom');
    await mkdir(dir);
    const write = (names: string) =>
      writeFile(
        join(dir, 'kustomization.yaml'),
        `namePrefix: pre-\nlabels: [{pairs: {set: k}}]\ngeneratorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [${names}]\n`,
      );
    await write('{name: a, literals: [x=1]}, {name: b, literals: [x=2]}');
    assert.match(await k`kustomize ${dir}`, /name: pre-a/);
    assert.equal(await k`apply -k ${dir}`, 'configmap/pre-a created\nconfigmap/pre-b created');
    await write('{name: a, literals: [x=1]}');
    assert.equal(
      await k`apply -k ${dir} --prune -l set=k --prune-allowlist=core/v1/ConfigMap`,
      'configmap/pre-a unchanged\nconfigmap/pre-b pruned',
    );
  });

  describe('refuses', () => {
    const cases = [
      {
        name: 'an unknown field, strictly',
        yaml: DEPLOYMENT.replace('image:', 'imag:').replace('web', 'other'),
        command: 'create',
        want: /^Error from server \(BadRequest\): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec\.template\.spec\.containers\[0\]\.imag"$/,
      },
      {
        name: 'an unknown field in a patch',
        yaml: DEPLOYMENT.replace('image:', 'imag:'),
        command: 'apply',
        want: /spec:map\[template:map\[spec:map\[\]\]\]\]": strict decoding error: unknown field "spec\.template\.spec\.containers\[0\]\.imag"$/,
      },
      {
        name: 'a wrong type',
        yaml: DEPLOYMENT.replace('replicas: 2', 'replicas: two').replace('web', 'other'),
        command: 'create',
        want: /Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32$/,
      },
      {
        name: 'a version that is not served',
        yaml: DEPLOYMENT.replace('apps/v1', 'apps/v9'),
        command: 'apply',
        want: /^error: resource mapping not found for name: "web" namespace: "" from "STDIN": no matches for kind "Deployment" in version "apps\/v9"\nensure CRDs are installed first$/,
      },
      {
        name: 'a pod without containers',
        yaml: 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n',
        command: 'create',
        want: /^The Pod "p" is invalid: spec\.containers: Required value$/,
      },
      {
        name: 'a namespace that is not there',
        yaml: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p, namespace: none}\n',
        command: 'create',
        want: /^Error from server \(NotFound\): error when creating "STDIN": namespaces "none" not found$/,
      },
      {
        name: 'requests above limits',
        yaml: DEPLOYMENT.replace('requests: {', 'limits: { cpu: 1m }, requests: {').replace('web', 'other'),
        command: 'create',
        want: /spec\.template\.spec\.containers\[0\]\.resources\.requests: Invalid value: "100m": must be less than or equal to cpu limit of 1m/,
      },
      {
        name: 'a mount of no volume',
        yaml: 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: b, volumeMounts: [{name: x, mountPath: /x}]}]}\n',
        command: 'create',
        want: /^The Pod "p" is invalid: spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "x"$/,
      },
    ];
    for (const { name, yaml, command, want } of cases) {
      it(name, async () => assert.match(await given(yaml).refused`${command} -f -`, want));
    }

    it('but only warns when asked to', async () => {
      const { stdout, stderr } = await given(DEPLOYMENT.replace('name: http', 'nam: http'))
        .run`apply -f - --validate=warn --dry-run=server`;
      assert.match(stdout, /^deployment\.apps\/web /);
      assert.match(stderr, /^Warning: unknown field "spec\.template\.spec\.containers\[0\]\.ports\[0\]\.nam"$/m);
    });
  });
});
