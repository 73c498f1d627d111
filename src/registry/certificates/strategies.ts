/** Certificate signing requests. Upstream: pkg/registry/certificates/certificates/strategy.go, pkg/apis/certificates/validation */
import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../api/certificates-v1.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isPathSegmentName } from '../../machinery/validation/names.ts';
import { parseSigningRequest } from '../../machinery/x509/request.ts';
import type { Strategy, StrategyContext } from '../generic/strategy.ts';
import { keep } from '../spec-status.ts';
import { semanticEqual } from '../validation/semantic-equal.ts';
import { validateSignerName } from '../validation/signer-name.ts';
import { type Errors, IMMUTABLE, supported } from '../validation/values.ts';

const SPEC = Path.root('spec');
const CONDITIONS = Path.root('status', 'conditions');
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

function validateConditions(request: CertificateSigningRequest, out: Errors): void {
  const seen = new Set<string>();
  let approved = false;
  let denied = false;
  request.status?.conditions?.forEach((condition, i) => {
    const at = CONDITIONS.index(i);
    const { type = '', status } = condition;
    if (!type) out.push(requiredField(at.child('type')));
    if (type === 'Approved' || type === 'Denied' || type === 'Failed') {
      if (!status) out.push(requiredField(at.child('status')));
      else supported(status, ['True'], at.child('status'), out);
    } else if (!status) out.push(requiredField(at.child('status')));
    else supported(status, ['False', 'True', 'Unknown'], at.child('status'), out);
    if (type === 'Approved') approved = true;
    if (type === 'Denied') denied = true;
    if (approved && denied && (type === 'Approved' || type === 'Denied')) {
      out.push(invalidField(at.child('type'), type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (seen.has(type)) out.push(duplicateField(at.child('type'), type));
    seen.add(type);
  });
}

/** Upstream: pkg/apis/certificates/v1/helpers.go ParseCSR */
function requestProblem(text: string): string | undefined {
  if (!/-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/.test(text)) {
    return 'PEM block type must be CERTIFICATE REQUEST';
  }
  try {
    parseSigningRequest(text);
    return undefined;
  } catch {
    return 'asn1: syntax error: data truncated';
  }
}

function validateRequest(request: CertificateSigningRequest): Errors {
  const out: Errors = [];
  const spec = request.spec!;
  const text = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  const problem = requestProblem(text);
  if (problem !== undefined) out.push(invalidField(SPEC.child('request'), spec.request ?? null, problem));
  const usages = spec.usages ?? [];
  if (usages.length === 0) out.push(requiredField(SPEC.child('usages')));
  const seen = new Set<string>();
  usages.forEach((usage, i) => {
    if (!USAGES.includes(usage)) out.push(notSupported(SPEC.child('usages').index(i), usage, USAGES));
    if (seen.has(usage)) out.push(duplicateField(SPEC.child('usages').index(i), usage));
    seen.add(usage);
  });
  const signer = spec.signerName ?? '';
  if (signer === 'kubernetes.io/legacy-unknown') {
    out.push(
      invalidField(SPEC.child('signerName'), signer, 'the legacy signerName is not allowed via this API version'),
    );
  } else validateSignerName(signer, SPEC.child('signerName'), out);
  const seconds = spec.expirationSeconds;
  if (seconds != null && seconds < 600) {
    out.push(
      invalidField(
        SPEC.child('expirationSeconds'),
        seconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  }
  validateConditions(request, out);
  return out;
}

const find = (request: CertificateSigningRequest, type: string): CertificateSigningRequestCondition[] =>
  (request.status?.conditions ?? []).filter((c) => c.type === type);

const PEM_BLOCK = /-----BEGIN ([^-\n]*)-----\r?\n([^-]*)-----END \1-----/g;

/** Upstream: pkg/apis/certificates/validation validateCertificate */
function certificateProblem(text: string): string | undefined {
  if (text === '') return undefined;
  const blocks = [...text.matchAll(PEM_BLOCK)];
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const [block, type, content] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (content!.includes(':')) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(block);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}

/** Approved and Denied change through the approval door only; Failed and the certificate through status only. */
function validateUpdate(
  now: CertificateSigningRequest,
  old: CertificateSigningRequest,
  door: 'main' | 'status' | 'approval',
): Errors {
  const out = validateRequest(now);
  const types = door === 'approval' ? [] : ['Approved', 'Denied'];
  for (const type of door === 'status' ? types : [...types, 'Failed']) {
    const [after, before] = [find(now, type), find(old, type)];
    if (before.length === 0 && after.length > 0)
      out.push(forbiddenField(CONDITIONS, `updates may not add a condition of type "${type}"`));
    else if (before.length > 0 && after.length > 0 && !semanticEqual(after, before)) {
      out.push(forbiddenField(CONDITIONS, `updates may not modify a condition of type "${type}"`));
    }
  }
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (find(old, type).length > 0 && find(now, type).length === 0) {
      out.push(forbiddenField(CONDITIONS, `updates may not remove a condition of type "${type}"`));
    }
  }
  const certificate = Path.root('status', 'certificate');
  const [after, before] = [now.status?.certificate ?? '', old.status?.certificate ?? ''];
  if (after !== before) {
    if (door !== 'status') out.push(forbiddenField(certificate, 'updates may not set certificate content'));
    else if (before) out.push(forbiddenField(certificate, 'updates may not modify existing certificate content'));
    const problem = certificateProblem(Buffer.from(after, 'base64').toString('latin1'));
    if (problem !== undefined) out.push(invalidField(certificate, '<certificate data>', problem));
  }
  return out;
}

function fillTimestamps(
  now: CertificateSigningRequest,
  old: CertificateSigningRequest,
  context: StrategyContext,
): void {
  const time = formatTime(context.clock.now());
  for (const condition of now.status?.conditions ?? []) {
    condition.lastUpdateTime ??= time;
    if (condition.lastTransitionTime) continue;
    const before = find(old, condition.type)[0];
    condition.lastTransitionTime =
      before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : time;
  }
}

function keepConditions(now: CertificateSigningRequest, old: CertificateSigningRequest, type: string): void {
  const before = find(old, type);
  if (before.length === 0 || find(now, type).length > 0) return;
  now.status ??= {};
  now.status.conditions = [...(now.status.conditions ?? []), ...before];
}

export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  allowUnconditionalUpdate: true,
  validateName: isPathSegmentName,
  default(request) {
    request.spec ??= {} as CertificateSigningRequest['spec'];
    request.status ??= {};
  },
  prepareForCreate(request, context) {
    const { spec } = request;
    const { username, groups, uid, extra } = context.user;
    for (const field of ['uid', 'extra'] as const) delete spec[field];
    spec.username = username;
    if (uid) spec.uid = uid;
    spec.groups = [...groups];
    if (extra !== undefined && Object.keys(extra).length > 0)
      spec.extra = structuredClone(extra) as Record<string, string[]>;
    request.status = {};
  },
  validate: validateRequest,
  prepareForUpdate(request, old) {
    keep(request, old, 'spec');
    keep(request, old, 'status');
  },
  validateUpdate: (request, old) => validateUpdate(request, old, 'main'),
  fields: (request) => ({ 'spec.signerName': request.spec?.signerName ?? '' }),
  resetFields: [['spec'], ['status']],
  subresources: {
    status: {
      resetFields: [['spec'], ['status', 'conditions']],
      prepareForUpdate(request, old, context) {
        keep(request, old, 'spec');
        keepConditions(request, old, 'Approved');
        keepConditions(request, old, 'Denied');
        fillTimestamps(request, old, context);
      },
      validateUpdate: (request, old) => validateUpdate(request, old, 'status'),
    },
    approval: {
      resetFields: [['spec'], ['status', 'certificate']],
      prepareForUpdate(request, old, context) {
        fillTimestamps(request, old, context);
        const conditions = request.status?.conditions;
        keep(request, old, 'spec');
        request.status = { ...old.status, ...(conditions && { conditions }) };
        if (!conditions) delete request.status.conditions;
      },
      validateUpdate: (request, old) =>
        semanticEqual(request.spec, old.spec)
          ? validateUpdate(request, old, 'approval')
          : [invalidField(SPEC, null, IMMUTABLE)],
    },
  },
};
