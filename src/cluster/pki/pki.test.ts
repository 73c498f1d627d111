/** A fresh PKI verifies, is kept with mode 0600, reused, and renewed where needed. */
import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { ensurePki, type PkiOptions } from './pki.ts';

const DAY = 24 * 3600 * 1000;

describe('pki', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'keelson-pki-'));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const options = (clock = new VirtualClock()): PkiOptions => ({
    clock,
    random: systemRandom,
    serviceIP: '10.96.0.1',
    hostnames: ['box'],
    nodes: ['n1'],
  });

  it('makes certificates that verify against their authority', async () => {
    const pki = await ensurePki(undefined, options());
    const ca = new X509Certificate(pki.ca.certificate);
    assert.equal(ca.ca, true);
    const server = new X509Certificate(pki.apiServer.certificate);
    assert.ok(server.verify(ca.publicKey) && server.checkIssued(ca));
    for (const name of ['kubernetes', 'kubernetes.default.svc.cluster.local', 'localhost', 'box'])
      assert.ok(server.checkHost(name), name);
    for (const ip of ['127.0.0.1', '::1', '10.96.0.1']) assert.ok(server.checkIP(ip), ip);
    const kubelet = new X509Certificate(pki.kubelets.get('n1')!.certificate);
    assert.equal(kubelet.subject, 'O=system:nodes\nCN=system:node:n1');
    assert.ok(kubelet.checkPrivateKey((await import('node:crypto')).createPrivateKey(pki.kubelets.get('n1')!.key)));
    assert.ok(
      new X509Certificate(pki.frontProxyClient.certificate).verify(
        new X509Certificate(pki.frontProxyCA.certificate).publicKey,
      ),
    );
    assert.ok(pki.serviceAccountPublicKey.startsWith('-----BEGIN PUBLIC KEY-----'));
    assert.equal(
      createPublicKey(pki.serviceAccountKey).export({ type: 'spki', format: 'pem' }),
      pki.serviceAccountPublicKey,
    );
  });

  it('keeps everything readable by the owner only and uses it again', async () => {
    const first = await ensurePki(dir, options());
    for (const file of await readdir(dir)) assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600, file);
    const second = await ensurePki(dir, options());
    assert.equal(second.admin.certificate, first.admin.certificate);
    assert.equal(second.serviceAccountKey, first.serviceAccountKey);
  });

  it('renews what is near its end and what lacks a name, under the same authority', async () => {
    const clock = new VirtualClock();
    const first = await ensurePki(dir, options(clock));
    const renamed = await ensurePki(dir, { ...options(clock), hostnames: ['other'] });
    assert.notEqual(renamed.apiServer.certificate, first.apiServer.certificate);
    assert.equal(renamed.admin.certificate, first.admin.certificate);
    await clock.advance(340 * DAY);
    const later = await ensurePki(dir, options(clock));
    assert.notEqual(later.admin.certificate, first.admin.certificate);
    assert.equal(later.ca.certificate, first.ca.certificate);
  });

  it('writes a kubeconfig', async () => {
    const text = kubeconfigText({
      server: 'https://127.0.0.1:6443',
      ca: 'CA',
      user: 'admin',
      credentials: { token: 'a"b' },
    });
    assert.equal(
      text,
      'apiVersion: v1\nkind: Config\npreferences: {}\nclusters:\n- name: "keelson"\n  cluster:\n    server: "https://127.0.0.1:6443"\n    certificate-authority-data: Q0E=\n' +
        'users:\n- name: "admin"\n  user:\n    token: "a\\"b"\ncontexts:\n- name: "admin@keelson"\n  context:\n    cluster: "keelson"\n    user: "admin"\ncurrent-context: "admin@keelson"\n',
    );
  });
});
