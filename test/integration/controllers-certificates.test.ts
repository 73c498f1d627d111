/** Certificates that kubelets and people ask for, on a whole cluster with virtual time: approved, signed, usable, cleared away. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../src/api/certificates-v1.ts';
import type { Client } from '../../src/client/client.ts';
import { CERTIFICATESIGNINGREQUESTS, CONFIGMAPS } from '../../src/client/resources.ts';
import { isNotFound } from '../../src/machinery/errors/status-error.ts';
import { formatTime } from '../../src/machinery/meta/time.ts';
import { VirtualCluster } from '../harness/virtual-cluster.ts';

/** By openssl: /O=system:nodes/CN=system:node:n1, without and with alternative names; /CN=jane. */
const CLIENT = `-----BEGIN CERTIFICATE REQUEST-----
MIHqMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz
dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATVfcz3BlbKtsWd
aria0TS5ABu9X4uC9+qG6AHXN9dGc5D4O5gi+tEWOzrbwwn45mZ4Q/nr5xOszICV
LJBHsm2toAAwCgYIKoZIzj0EAwIDRwAwRAIgYv65c9fEkJH0koH0KI+9Zyoihl1/
SIM1YIcxs9MMTagCIH0Er93GWjKHgPS71W8drfMV3tE/tiljlI/70FqZ2yxT
-----END CERTIFICATE REQUEST-----
`;
const SERVING = `-----BEGIN CERTIFICATE REQUEST-----
MIIBEjCBuAIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5
c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPtDCHu7EcelM
7FOYw8KowLkjg20T5diQAgOU9z2x+o2OTwH4FCTe6DQrZqAVXJFk4vImgQ5lVIUW
9wbW4YGFnKAmMCQGCSqGSIb3DQEJDjEXMBUwEwYDVR0RBAwwCoICbjGHBAoAAAEw
CgYIKoZIzj0EAwIDSQAwRgIhANdtio4RWr+qeTMWQANjigaTs0yApRVFUdTylV1e
9/0JAiEApXnaGt9BgKiNf8dspPQrHASSNiV+LiNwqBaPBcJw2Pw=
-----END CERTIFICATE REQUEST-----
`;
const JANE = `-----BEGIN CERTIFICATE REQUEST-----
MIICVDCCATwCAQAwDzENMAsGA1UEAwwEamFuZTCCASIwDQYJKoZIhvcNAQEBBQAD
ggEPADCCAQoCggEBALmgpM0XxYyQX5yGcpsohdHdF5TV+edy6IU8K/vS5G/j6SxF
0hBtHZlP+jN05yfipeSNNRWR4OSxnZOukfX/Hiih+RK/8Vira+BrPqw3cAr1iMUo
oe1nJ2Qnv0UfMms+/SJ/sJK41odewOVme6P7OMl+Psm+QGNE56v9aXm14htsW10X
gwPreaohtDrFdREt71x0LeVKaBqKpePODAO/ylzq3NJNme21AEyQKwCTtU0tqnfp
UpwCF1fnEMOe7mFyJOHKUTLpxJWT+7tWNe/J5i0zqChJR5cR2uBI/ju4wFupw9ym
2SWUM4s6lkvhXznp2Jd6FgJ5H8sTcEeEWCcWUHUCAwEAAaAAMA0GCSqGSIb3DQEB
CwUAA4IBAQAmzL7UIFPz45+9CS6mgby0GhT0hCVLa4t9gThfCm3WxwSc4FGYAPHS
8KWOuSXJRxL3sLea0kWkRLMQT2vM98Crczfcl53fZ0WKXCZRkNSptK6nASpaiOE+
ixWtppU2wnOOqwLKvFWOXgsOJtnfQqUz/QmUgjG5Ylc8zSUzCmqna/ClX4Ns45II
eqwwq/9VoJccLjJ73kotZtXhnlAwJEqhSOQ0yx+IuGgcKP6VvTGSRJkciBMBRTmA
Sz6SSgqTFqfZztNFgmQCln+u3i840xfnK2B9eVhCJd0cozHOdUN8T6aOdSAaP6LQ
9yP3AhO3SFlrYAIogBYPzff7fSmMfmjP
-----END CERTIFICATE REQUEST-----
`;

const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';

describe('certificate signing requests in a whole cluster', () => {
  let vc: VirtualCluster;
  let ca: X509Certificate;
  before(async () => {
    vc = await VirtualCluster.start({ nodes: 0 });
    const s = await vc.namespace();
    const root = await s.get<{ metadata: object; data: Record<string, string> }>(CONFIGMAPS, 'kube-root-ca.crt');
    ca = new X509Certificate(root.data['ca.crt']!);
  });
  after(() => vc[Symbol.asyncDispose]());

  const create = (client: Client, name: string, request: string, signerName: string, usages: string[], more = {}) =>
    client.create<CertificateSigningRequest>(CERTIFICATESIGNINGREQUESTS, {
      metadata: { name },
      spec: { request: Buffer.from(request).toString('base64'), signerName, usages, ...more },
    });
  const get = (name: string) => vc.client.get<CertificateSigningRequest>(CERTIFICATESIGNINGREQUESTS, name);
  const approve = async (name: string) => {
    const csr = await get(name);
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'ByTest',
      lastUpdateTime: formatTime(vc.clock.now()),
    };
    await vc.client.update(
      CERTIFICATESIGNINGREQUESTS,
      { ...csr, status: { conditions: [condition] } },
      { subresource: 'approval' },
    );
  };
  const issued = (name: string) =>
    vc.until('a certificate is there', async () => {
      const { certificate } = (await get(name)).status ?? {};
      return certificate ? new X509Certificate(Buffer.from(certificate, 'base64')) : undefined;
    });
  const CLIENT_USAGES = ['digital signature', 'client auth'];

  it("a node's own request for a client certificate needs nobody", async () => {
    const node = vc.cluster.clientAs({ username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] });
    await create(node, 'own', CLIENT, KUBELET_CLIENT, CLIENT_USAGES, { expirationSeconds: 3600 });
    // Upstream lets nodes renew when an administrator bound them to this role, as kubeadm does.
    await vc.client.create(
      {
        group: 'rbac.authorization.k8s.io',
        version: 'v1',
        resource: 'clusterrolebindings',
        kind: 'ClusterRoleBinding',
        namespaced: false,
      },
      {
        metadata: { name: 'renewal' },
        roleRef: {
          apiGroup: 'rbac.authorization.k8s.io',
          kind: 'ClusterRole',
          name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
        },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
      } as never,
    );
    const certificate = await issued('own');
    assert.ok(certificate.verify(ca.publicKey) && certificate.checkIssued(ca));
    assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:n1');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    const hours = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 3_600_000;
    assert.equal(hours.toFixed(3), (65 / 60).toFixed(3));
    assert.deepEqual(
      (await get('own')).status?.conditions?.map((c) => [c.type, c.reason, c.message]),
      [['Approved', 'AutoApproved', 'Auto approving self kubelet client certificate after SubjectAccessReview.']],
    );
  });

  it('serving certificates and those of people are signed once approved, with their names', async () => {
    await create(vc.client, 'serving', SERVING, 'kubernetes.io/kubelet-serving', ['digital signature', 'server auth']);
    await create(vc.client, 'jane', JANE, 'kubernetes.io/kube-apiserver-client', ['client auth']);
    await vc.clock.advance(5_000);
    assert.deepEqual((await get('serving')).status ?? {}, {});
    await approve('serving');
    await approve('jane');
    const serving = await issued('serving');
    assert.equal(serving.subjectAltName, 'DNS:n1, IP Address:10.0.0.1');
    assert.ok(serving.checkIP('10.0.0.1') && serving.checkHost('n1'));
    const days = (Date.parse(serving.validTo) - vc.clock.now()) / 86_400_000;
    assert.ok(days > 364 && days < 365);
    assert.equal((await issued('jane')).subject, 'CN=jane');
  });

  it('a request that its signer may not take has failed', async () => {
    await create(vc.client, 'odd', JANE, KUBELET_CLIENT, CLIENT_USAGES);
    await approve('odd');
    const failed = await vc.until('it has failed', async () =>
      (await get('odd')).status?.conditions?.find((c) => c.type === 'Failed'),
    );
    assert.deepEqual(
      [failed.reason, failed.message],
      ['SignerValidationFailure', 'subject organization is not system:nodes'],
    );
  });

  it('other signers are left alone', async () => {
    await create(vc.client, 'other', JANE, 'example.com/mine', ['client auth']);
    await approve('other');
    await vc.clock.advance(5_000);
    assert.equal((await get('other')).status?.certificate, undefined);
  });

  it('answered requests go after an hour, others stay', async () => {
    await create(vc.client, 'waiting', JANE, 'kubernetes.io/kube-apiserver-client', ['client auth']);
    await vc.clock.advance(2 * 3_600_000 + 60_000);
    const left = (await vc.client.list(CERTIFICATESIGNINGREQUESTS)).items.map((c) => c.metadata.name).sort();
    assert.deepEqual(left, ['other', 'waiting']);
    await assert.rejects(get('jane'), isNotFound);
  });
});
