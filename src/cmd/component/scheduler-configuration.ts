/**
 * A KubeSchedulerConfiguration file, as far as this scheduler can be configured: connection, leader election, and one profile with its
 * name. Anything else in it is an error rather than silently without effect. Upstream: kube-scheduler/config/v1
 */
import { load } from 'js-yaml';
import { parseDuration } from '../../machinery/meta/duration.ts';
import { CommandError } from '../usage-error.ts';

export interface SchedulerConfiguration {
  schedulerName?: string;
  flags: Partial<{
    kubeconfig: string;
    'leader-elect': boolean;
    'leader-elect-lease-duration': number;
    'leader-elect-renew-deadline': number;
    'leader-elect-retry-period': number;
    'leader-elect-resource-name': string;
    'leader-elect-resource-namespace': string;
  }>;
}

type Read = (value: unknown, path: string) => SchedulerConfiguration['flags'];

const wrong = (path: string, want: string) => new CommandError(`${path}: must be ${want}`);
function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrong(path, 'a string');
  return value;
}
function duration(value: unknown, path: string): number {
  try {
    return parseDuration(text(value, path));
  } catch {
    throw wrong(path, 'a duration');
  }
}
function boolean(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw wrong(path, 'true or false');
  return value;
}

const CONNECTION: Record<string, Read> = { kubeconfig: (v, p) => ({ kubeconfig: text(v, p) }) };
const ELECTION: Record<string, Read> = {
  leaderElect: (v, p) => ({ 'leader-elect': boolean(v, p) }),
  leaseDuration: (v, p) => ({ 'leader-elect-lease-duration': duration(v, p) }),
  renewDeadline: (v, p) => ({ 'leader-elect-renew-deadline': duration(v, p) }),
  retryPeriod: (v, p) => ({ 'leader-elect-retry-period': duration(v, p) }),
  resourceName: (v, p) => ({ 'leader-elect-resource-name': text(v, p) }),
  resourceNamespace: (v, p) => ({ 'leader-elect-resource-namespace': text(v, p) }),
  resourceLock(v, p) {
    if (v !== 'leases') throw wrong(p, 'leases');
    return {};
  },
};

/** @throws CommandError that names the file and the field */
export function schedulerConfiguration(yaml: string, file: string): SchedulerConfiguration {
  let document: unknown;
  try {
    document = load(yaml);
  } catch (err) {
    throw new CommandError(`${file}: ${(err as Error).message.split('\n')[0]}`);
  }
  const { apiVersion, kind, clientConnection, leaderElection, profiles, ...others } = fields(document, file);
  if (apiVersion !== 'kubescheduler.config.k8s.io/v1' || kind !== 'KubeSchedulerConfiguration')
    throw new CommandError(`${file}: no kind "${kind}" is registered for version "${apiVersion}"`);
  refuse(others, file);
  const name = profileName(profiles, `${file}: profiles`);
  return {
    ...(name === undefined ? {} : { schedulerName: name }),
    flags: {
      ...readFields(clientConnection, CONNECTION, `${file}: clientConnection`),
      ...readFields(leaderElection, ELECTION, `${file}: leaderElection`),
    },
  };
}

function readFields(value: unknown, readers: Record<string, Read>, path: string): SchedulerConfiguration['flags'] {
  if (value === undefined) return {};
  let flags: SchedulerConfiguration['flags'] = {};
  for (const [name, field] of Object.entries(fields(value, path))) {
    const read = readers[name];
    if (read === undefined) throw new CommandError(`${path}.${name}: not supported`);
    flags = { ...flags, ...read(field, `${path}.${name}`) };
  }
  return flags;
}

function profileName(profiles: unknown, path: string): string | undefined {
  if (profiles === undefined) return undefined;
  if (!Array.isArray(profiles) || profiles.length !== 1) throw new CommandError(`${path}: exactly one is supported`);
  const { schedulerName, ...others } = fields(profiles[0], `${path}[0]`);
  refuse(others, `${path}[0]`);
  return schedulerName === undefined ? undefined : text(schedulerName, `${path}[0].schedulerName`);
}

function refuse(others: Record<string, unknown>, path: string): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw new CommandError(`${path}: ${name} is not supported`);
}

function fields(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object');
  return value as Record<string, unknown>;
}
