/**
 * CertificateApproval, CertificateSigning: who approves or signs a request must be allowed to for its signer. CertificateSubjectRestriction: no
 * client certificate for system:masters is ever asked for. Upstream: plugin/pkg/admission/certificates
 */
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import { attributesOf } from '../../machinery/authorization/authorizer.ts';
import { parseSigningRequest } from '../../machinery/x509/request.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { errorText, isFor, refuse } from '../refuse.ts';

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

export function certificateApproval(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    resources: ['certificatesigningrequests.certificates.k8s.io'],
    handles: (operation) => operation === 'UPDATE',
    async validate(a) {
      if (!isFor(a, GROUP, RESOURCE, 'approval')) return;
      const signer = signerOf(a.oldObject as CertificateSigningRequest);
      if (!(await isAuthorized(data, a, 'approve', signer)))
        throw refuse(a, `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
    },
  };
}

export function certificateSigning(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    resources: ['certificatesigningrequests.certificates.k8s.io'],
    handles: (operation) => operation === 'UPDATE',
    async validate(a) {
      if (!isFor(a, GROUP, RESOURCE, 'status')) return;
      const old = a.oldObject as CertificateSigningRequest;
      const next = a.object as CertificateSigningRequest;
      const failed = (r: CertificateSigningRequest) =>
        JSON.stringify(r.status?.conditions?.find((c) => c.type === 'Failed') ?? null);
      // Only the certificate and the Failed condition are the signer's; the rest of the status is anybody's who may update it.
      if ((next.status?.certificate ?? '') === (old.status?.certificate ?? '') && failed(next) === failed(old)) return;
      const signer = signerOf(old);
      if (!(await isAuthorized(data, a, 'sign', signer)))
        throw refuse(a, `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
    },
  };
}

export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    resources: ['certificatesigningrequests.certificates.k8s.io'],
    handles: (operation) => operation === 'CREATE',
    validate(a) {
      if (!isFor(a, GROUP, RESOURCE)) return;
      const request = a.object as CertificateSigningRequest;
      if (signerOf(request) !== CLIENT_SIGNER) return;
      let organizations: string[];
      try {
        ({ organizations } = parseSigningRequest(Buffer.from(request.spec?.request ?? '', 'base64').toString('utf8')));
      } catch (err) {
        throw refuse(a, `failed to parse CSR: ${errorText(err)}`);
      }
      if (organizations.includes('system:masters'))
        throw refuse(a, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
    },
  };
}

function signerOf(request: CertificateSigningRequest): string {
  return request.spec?.signerName ?? '';
}

/** For the signer itself, or for all of its domain (`example.com/*`). */
async function isAuthorized(data: AdmissionData, a: Attributes, verb: string, signer: string): Promise<boolean> {
  const ask = (name: string) =>
    data.authorizer.authorize(
      attributesOf({ user: a.user, verb, apiGroup: GROUP, apiVersion: '*', resource: 'signers', name }),
    );
  if ((await ask(signer)).decision === 'Allow') return true;
  return (await ask(`${signer.split('/')[0]}/*`)).decision === 'Allow';
}
