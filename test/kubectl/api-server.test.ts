/** Real kubectl against the API server of a cluster, over TLS with a client certificate; no controllers run. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '../../src/apiserver/create-api-server.ts';
import { standardApiServer } from '../../src/apiserver/standard-api-server.ts';
import { systemClock as clock } from '../../src/base/clock.ts';
import { silentLogger as log } from '../../src/base/log.ts';
import { systemRandom as random } from '../../src/base/random.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { kubectl } from '../harness/kubectl.ts';
import { needs } from '../harness/needs.ts';

const VERSIONS = ['1.36', '1.35'] as const;

describe('kubectl and the API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let folder: string;
  let kubeconfig: string;
  before(async function () {
    needs(this, 'kubectl');
    folder = mkdtempSync(join(tmpdir(), 'keelson-kubectl-'));
    kubeconfig = join(folder, 'kubeconfig');
    const pki = await ensurePki(undefined, { clock, random, serviceIP: '10.96.0.1' });
    server = await standardApiServer({
      storage: await openMemoryStorage({ clock }),
      clock,
      random,
      log,
      pki: { clientCA: pki.ca.certificate, requestHeaderCA: pki.frontProxyCA.certificate },
      serviceAccount: {
        issuer: 'https://kubernetes.default.svc.cluster.local',
        signingKey: pki.serviceAccountKey,
        verifyKeys: [pki.serviceAccountPublicKey],
      },
    });
    const { port } = await server.listen({
      port: 0,
      tls: { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate },
    });
    writeKubeconfig(kubeconfig, {
      server: `https://127.0.0.1:${port}`,
      ca: pki.ca.certificate,
      user: 'admin',
      credentials: pki.admin,
    });
  });
  after(async () => {
    await server?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  for (const version of VERSIONS) {
    /** Runs one command; what it prints must match. */
    const says = async (command: string, want: RegExp | string, options: { code?: number; stdin?: string } = {}) => {
      const result = await kubectl(command.split(' '), {
        kubeconfig,
        version,
        ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      });
      const text = result.stdout + result.stderr;
      assert.equal(result.code, options.code ?? 0, `${command}: ${text}`);
      if (typeof want === 'string') assert.equal(text.trim(), want, command);
      else assert.match(text, want, command);
    };

    it(`${version}: create, get, patch, label, apply, delete`, async () => {
      const ns = `v${version.replace('.', '')}`;
      await says(`create namespace ${ns}`, `namespace/${ns} created`);
      await says(`-n ${ns} create configmap a --from-literal=k=v`, 'configmap/a created');
      await says(`-n ${ns} get configmap a -o jsonpath={.data.k}`, 'v');
      await says(`-n ${ns} get configmaps`, /^NAME +DATA +AGE\na +1 /);
      await says(
        `-n ${ns} patch configmap a --type=json -p [{"op":"add","path":"/data/x","value":"y"}]`,
        'configmap/a patched',
      );
      await says(`-n ${ns} patch configmap a --type=merge -p {"data":{"z":"1"}}`, 'configmap/a patched');
      await says(`-n ${ns} patch configmap a -p {"data":{"z":null}}`, 'configmap/a patched');
      await says(`-n ${ns} label configmap a l=1`, 'configmap/a labeled');
      await says(`-n ${ns} get configmaps -l l=1 -o name`, 'configmap/a');
      const file = join(folder, `${ns}.yaml`);
      writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  q: "1"\n');
      await says(`-n ${ns} apply -f ${file}`, 'configmap/b created');
      await says(`-n ${ns} apply -f ${file}`, 'configmap/b unchanged');
      await says(`-n ${ns} apply --server-side --field-manager=other -f ${file}`, 'configmap/b serverside-applied');
      await says(`-n ${ns} diff -f ${file}`, '');
      await says(`-n ${ns} delete configmap a b`, /configmap "a" deleted[\s\S]*configmap "b" deleted/);
      await says(`-n ${ns} get configmap a`, 'Error from server (NotFound): configmaps "a" not found', { code: 1 });
    });

    it(`${version}: scale, auth, token, explain, wait`, async () => {
      const ns = `w${version.replace('.', '')}`;
      await says(`create namespace ${ns}`, `namespace/${ns} created`);
      await says(`-n ${ns} create deployment d --image=i --replicas=2`, 'deployment.apps/d created');
      await says(`-n ${ns} scale deployment d --replicas=5`, 'deployment.apps/d scaled');
      await says(`-n ${ns} get deployment d -o jsonpath={.spec.replicas}/{.metadata.generation}`, '5/2');
      await says(`-n ${ns} set image deployment/d i=j`, 'deployment.apps/d image updated');
      await says('auth can-i create pods --as bob', 'no', { code: 1 });
      await says(
        `create clusterrolebinding ${ns} --clusterrole=system:aggregate-to-view --user=bob`,
        `clusterrolebinding.rbac.authorization.k8s.io/${ns} created`,
      );
      await says('auth can-i list pods --as bob', 'yes');
      await says(`-n ${ns} create serviceaccount s`, 'serviceaccount/s created');
      await says(`-n ${ns} create token s`, /^[\w-]+\.[\w-]+\.[\w-]+\s*$/);
      await says('explain pods.spec.containers.image', /FIELD: image <string>/);
      await says('get --raw /readyz', 'ok');
      await says(
        `-n ${ns} wait --for=jsonpath={.spec.replicas}=5 deployment/d --timeout=5s`,
        'deployment.apps/d condition met',
      );
      await says(`delete clusterrolebinding ${ns}`, /deleted/);
    });
  }
});
