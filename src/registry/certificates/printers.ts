/** Printers of the certificates group. */
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import type { ClusterTrustBundle, PodCertificateRequest } from '../../api/certificates-v1beta1.ts';
import { humanDuration } from '../../machinery/meta/time.ts';
import { age, columns, formatLabels } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const certificateSigningRequestPrinter: Printer<CertificateSigningRequest> = {
  columns: columns('Name, Age, SignerName, Requestor, RequestedDuration, Condition'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    age(o.metadata.creationTimestamp, options),
    o.spec?.signerName || '<none>',
    o.spec?.username ?? '',
    o.spec?.expirationSeconds === undefined ? '<none>' : humanDuration(o.spec.expirationSeconds * 1000),
    condition(o),
  ],
};

function condition(csr: CertificateSigningRequest): string {
  const has = (type: string) => csr.status?.conditions?.some((c) => c.type === type) ?? false;
  const verdict = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return verdict + (has('Failed') ? ',Failed' : '') + (csr.status?.certificate ? ',Issued' : '');
}

export const clusterTrustBundlePrinter: Printer<ClusterTrustBundle> = {
  columns: columns('Name, SignerName'),
  cells: (o) => [o.metadata.name ?? '', o.spec?.signerName || '<none>'],
};

const FINAL_STATES = ['Issued', 'Denied', 'Failed'];

export const podCertificateRequestPrinter: Printer<PodCertificateRequest> = {
  columns: columns('Name, PodName, ServiceAccountName, NodeName, SignerName, State, UnverifiedUserAnnotations'),
  cells: (o) => [
    o.metadata.name ?? '',
    o.spec?.podName ?? '',
    o.spec?.serviceAccountName ?? '',
    o.spec?.nodeName ?? '',
    o.spec?.signerName ?? '',
    o.status?.conditions?.findLast((c) => FINAL_STATES.includes(c.type))?.type ?? 'Pending',
    formatLabels(o.spec?.unverifiedUserAnnotations),
  ],
};
