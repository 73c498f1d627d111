/** Rules of probes and lifecycle hooks. Upstream: pkg/apis/core/validation/validation.go validateProbe, validateHandler */
import type { HTTPGetAction, Lifecycle, PodOS, Probe } from '../../../api/core-v1.ts';
import { forbiddenField, invalidField, type Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { isHTTPHeaderName, isValidPortName, isValidPortNum } from '../../../machinery/validation/names.ts';
import { type Errors, invalidEach, nonNegative, required, supported } from '../../validation/values.ts';

export function validatePortNumOrName(port: number | string | undefined, path: Path, out: Errors): void {
  if (typeof port === 'string') invalidEach(isValidPortName(port), path, port, out);
  else invalidEach(isValidPortNum(port ?? 0), path, port ?? 0, out);
}

interface Handler {
  exec?: { command?: string[] };
  httpGet?: HTTPGetAction;
  tcpSocket?: { port: number | string };
  grpc?: { port: number };
  sleep?: { seconds: number };
}

function validateHTTPGet(action: HTTPGetAction, path: Path, out: Errors): void {
  required(action.path, path.child('path'), out);
  validatePortNumOrName(action.port, path.child('port'), out);
  supported(action.scheme ?? '', ['HTTP', 'HTTPS'], path.child('scheme'), out);
  for (const header of action.httpHeaders ?? []) {
    invalidEach(isHTTPHeaderName(header.name ?? ''), path.child('httpHeaders'), header.name ?? '', out);
  }
}

function validateHandler(handler: Handler, grace: number | undefined, path: Path, out: Errors): void {
  let count = 0;
  const one = <T>(action: T | undefined, field: string, rule: (action: T, at: Path) => void): void => {
    if (!action) return;
    if (count++ > 0) out.push(forbiddenField(path.child(field), 'may not specify more than 1 handler type'));
    else rule(action, path.child(field));
  };
  one(handler.exec, 'exec', (a, p) => {
    if (!a.command?.length) out.push(requiredField(p.child('command')));
  });
  one(handler.httpGet, 'httpGet', (a, p) => validateHTTPGet(a, p, out));
  one(handler.tcpSocket, 'tcpSocket', (a, p) => validatePortNumOrName(a.port, p.child('port'), out));
  one(handler.grpc, 'grpc', (a, p) => validatePortNumOrName(a.port, p.child('port'), out));
  one(handler.sleep, 'sleep', (a, p) => {
    const seconds = a.seconds ?? 0;
    if (grace !== undefined && (seconds < 0 || seconds > grace)) {
      out.push(invalidField(p, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`));
    }
  });
  if (count === 0) out.push(requiredField(path, 'must specify a handler type'));
}

function validateProbe(probe: Probe, grace: number | undefined, path: Path, out: Errors): void {
  const { exec, httpGet, tcpSocket, grpc } = probe;
  validateHandler({ exec, httpGet, tcpSocket, grpc } as Handler, grace, path, out);
  const numbers = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const;
  for (const field of numbers) nonNegative(probe[field], path.child(field), out);
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds != null && seconds <= 0) {
    out.push(invalidField(path.child('terminationGracePeriodSeconds'), seconds, 'must be greater than 0'));
  }
}

export interface Probes {
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
}

export function validateProbes(container: Probes, grace: number | undefined, path: Path, out: Errors): void {
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[kind];
    if (!probe) continue;
    const at = path.child(kind);
    validateProbe(probe, grace, at, out);
    if (kind === 'readinessProbe') {
      if (probe.terminationGracePeriodSeconds != null) {
        const field = at.child('terminationGracePeriodSeconds');
        out.push(invalidField(field, probe.terminationGracePeriodSeconds, 'must not be set for readinessProbes'));
      }
    } else if (probe.successThreshold !== 1) {
      out.push(invalidField(at.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
    }
  }
}

const WINDOWS_SIGNALS = ['SIGKILL', 'SIGTERM'];
const LINUX_SIGNALS = [
  ...'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'.split(
    ' ',
  ),
  ...Array.from({ length: 15 }, (_, i) => `RTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `RTMAX-${i + 1}`),
]
  .map((s) => `SIG${s}`)
  .sort();

export function validateLifecycle(
  lifecycle: Lifecycle,
  grace: number | undefined,
  os: PodOS | undefined,
  path: Path,
  out: Errors,
): void {
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[hook];
    if (handler) validateHandler(handler as Handler, grace, path.child(hook), out);
  }
  const signal = lifecycle.stopSignal;
  if (signal == null) return;
  const at = path.child('stopSignal');
  if (!os) out.push(forbiddenField(at, 'may not be set for containers with empty `spec.os.name`'));
  else if (os.name === 'windows') supported(signal, WINDOWS_SIGNALS, at, out);
  else if (os.name === 'linux') supported(signal, LINUX_SIGNALS, at, out);
}
