/** Approves kubelets' requests for client certificates, signs what is approved, and clears old requests away. Upstream: pkg/controller/certificates */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { SubjectAccessReview } from '../../api/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../api/certificates-v1.ts';
import { ItemExponentialFailureRateLimiter } from '../../client/rate-limiter.ts';
import { CERTIFICATESIGNINGREQUESTS, SUBJECTACCESSREVIEWS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { createCertificate, pemOf } from '../../machinery/x509/certificate.ts';
import { elements } from '../../machinery/x509/der.ts';
import { parseSigningRequest, type SigningRequest } from '../../machinery/x509/request.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop, periodically } from '../controller.ts';
import {
  hasCondition,
  isApproved,
  isFailed,
  permissionsFor,
  shouldCleanUp,
  signerProblem,
  usagesOf,
  validity,
} from './plan.ts';

const CLEANING_PERIOD_MS = 3_600_000;
const WORKERS = 5;

type Handler = (csr: CertificateSigningRequest, request: SigningRequest, signal: AbortSignal) => Promise<void>;

/** A loop over all requests that have no certificate yet. */
function overRequests(context: ControllerContext, handle: Handler): Controller {
  const informer = context.informers.informer<CertificateSigningRequest>(CERTIFICATESIGNINGREQUESTS);
  const loop = new ControllerLoop(context, {
    name: 'certificate',
    workers: WORKERS,
    rateLimiter: new ItemExponentialFailureRateLimiter(200, 1_000_000),
    async sync(key, signal) {
      const csr = informer.lister.getByKey(key);
      if (!csr || csr.status?.certificate) return;
      await handle(csr, requestOf(csr), signal);
    },
  });
  informer.addHandler({ added: (csr) => loop.enqueue(csr), updated: (_, csr) => loop.enqueue(csr) });
  return loop;
}

function requestOf(csr: CertificateSigningRequest): SigningRequest {
  try {
    return parseSigningRequest(Buffer.from(csr.spec.request, 'base64').toString('latin1'));
  } catch (err) {
    throw new Error(`unable to parse csr "${csr.metadata.name}": ${(err as Error).message}`, { cause: err });
  }
}

export function startCsrApprovingController(context: ControllerContext): Controller {
  const { client } = context;
  return overRequests(context, async (csr, request, signal) => {
    if (hasCondition(csr, 'Approved') || hasCondition(csr, 'Denied')) return;
    const tried = permissionsFor(csr, request);
    for (const { subresource, message } of tried) {
      if (!(await isAllowed(context, csr, subresource, signal))) continue;
      const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
      const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] };
      await client.update(CERTIFICATESIGNINGREQUESTS, { ...csr, status }, { subresource: 'approval', signal });
      return;
    }
    // Rights may come later: asked again after a while.
    if (tried.length > 0)
      throw new Error(
        `recognized csr "${csr.metadata.name}" as [${tried.map((t) => t.subresource).join(' ')}] but subject access review was not approved`,
      );
  });
}

async function isAllowed(
  { client }: ControllerContext,
  csr: CertificateSigningRequest,
  subresource: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { username, uid, groups, extra } = csr.spec;
  const review: SubjectAccessReview = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      ...(username ? { user: username } : {}),
      ...(uid ? { uid } : {}),
      ...(groups ? { groups } : {}),
      ...(extra ? { extra } : {}),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
        version: '*',
      },
    },
  };
  return (await client.create<SubjectAccessReview>(SUBJECTACCESSREVIEWS, review, { signal })).status?.allowed ?? false;
}

export function startCsrSigningController(context: ControllerContext): Controller | undefined {
  const { client, clock, random, flags } = context;
  if (!flags.clusterSigningCa) return undefined;
  const authority = authorityOf(flags.clusterSigningCa);
  return overRequests(context, async (csr, request, signal) => {
    if (!isApproved(csr) || isFailed(csr)) return;
    const { signerName, usages = [], expirationSeconds } = csr.spec;
    const { unknown, problem } = signerProblem(signerName, request, usages);
    if (unknown) return;
    const now = clock.now();
    if (problem !== undefined) {
      const condition = {
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        message: problem,
        lastUpdateTime: formatTime(now),
      };
      const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] };
      await client.update(CERTIFICATESIGNINGREQUESTS, { ...csr, status }, { subresource: 'status', signal });
      return;
    }
    if (!request.isSigned) throw new Error('error auto signing csr: unable to verify certificate request signature');
    const certificate = createCertificate(
      {
        subject: request.subject,
        publicKey: createPublicKey({ key: request.publicKey, format: 'der', type: 'spki' }),
        serial: random.bytes(16),
        ...usagesOf(usages),
        ...validity(expirationSeconds, flags.clusterSigningDuration, now, authority.notAfter),
        ...(request.subjectAltName ? { subjectAltName: request.subjectAltName } : {}),
      },
      authority.signer,
    );
    const pem = Buffer.from(pemOf('CERTIFICATE', certificate)).toString('base64');
    const status = { ...csr.status, certificate: pem };
    await client.update(CERTIFICATESIGNINGREQUESTS, { ...csr, status }, { subresource: 'status', signal });
  });
}

function authorityOf({ certificate, key }: { certificate: string; key: string }) {
  const x509 = new X509Certificate(certificate);
  const [tbs] = elements(elements(x509.raw)[0]!.content);
  // [version,] serial, algorithm, issuer, validity, subject
  const parts = elements(tbs!.content).filter((e) => e.tag !== 0xa0);
  return {
    notAfter: Date.parse(x509.validTo),
    signer: { name: parts[4]!.raw, key: createPrivateKey(key) },
  };
}

export function startCsrCleanerController(context: ControllerContext): Controller {
  const { client, clock, informers, log } = context;
  const { lister } = informers.informer<CertificateSigningRequest>(CERTIFICATESIGNINGREQUESTS);
  return periodically(context, 'certificatesigningrequest-cleaner-controller', CLEANING_PERIOD_MS, async (signal) => {
    for (const csr of lister.list()) {
      if (!shouldCleanUp(csr, clock.now())) continue;
      const { name } = csr.metadata;
      try {
        await client.delete(CERTIFICATESIGNINGREQUESTS, name!, { signal });
      } catch (err) {
        if (!isNotFound(err)) log.error('unable to delete CSR', { csr: name, err });
      }
    }
  });
}
