/**
 * Rules of security contexts: users, profiles, sysctls, Windows options.
 * Upstream: pkg/apis/core/validation/validation.go ValidateSecurityContext, validatePodSpecSecurityContext
 */
import type {
  AppArmorProfile,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  WindowsSecurityContextOptions,
} from '../../../api/core-v1.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  type Path,
  requiredField,
  tooLong,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import { byteLength, type Errors, inclusiveRange, invalidEach, supported } from '../../validation/values.ts';
import type { PodValidationOptions } from './options.ts';
import { validateLocalDescendingPath } from './volume-sources.ts';

const MAX_ID = 2147483647;

export function validateID(id: number | undefined | null, path: Path, out: Errors): void {
  if (id != null && (id < 0 || id > MAX_ID)) out.push(invalidField(path, id, inclusiveRange(0, MAX_ID)));
}

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateSeccomp(profile: SeccompProfile | undefined, path: Path, out: Errors): void {
  if (!profile) return;
  if (!profile.type) out.push(requiredField(path.child('type'), 'type is required when seccompProfile is set'));
  else supported(profile.type, PROFILE_TYPES, path.child('type'), out);
  const at = path.child('localhostProfile');
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile == null) out.push(requiredField(at, 'must be set when seccomp type is Localhost'));
    else validateLocalDescendingPath(profile.localhostProfile, at, out);
  } else if (profile.localhostProfile != null) {
    const shown = { Type: profile.type ?? '', LocalhostProfile: profile.localhostProfile };
    out.push(invalidField(at, shown, 'can only be set when seccomp type is Localhost'));
  }
}

export function validateAppArmor(profile: AppArmorProfile | undefined, path: Path, out: Errors): void {
  if (!profile) return;
  const at = path.child('localhostProfile');
  const value = profile.localhostProfile;
  if (profile.type === 'Localhost') {
    if (value == null) out.push(requiredField(at, 'must be set when AppArmor type is Localhost'));
    else {
      if (value.trim() !== value) out.push(invalidField(at, value, 'must not be padded with whitespace'));
      else if (value === '') out.push(requiredField(at, 'must be set when AppArmor type is Localhost'));
      if (byteLength(value) > 4095) out.push(tooLong(at, 4095));
    }
  } else if (profile.type === 'RuntimeDefault' || profile.type === 'Unconfined') {
    if (value != null) out.push(invalidField(at, value, 'can only be set when AppArmor type is Localhost'));
  } else if (!profile.type) out.push(requiredField(path.child('type'), 'type is required when appArmorProfile is set'));
  else out.push(notSupported(path.child('type'), profile.type, PROFILE_TYPES));
}

const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_DOMAIN =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;

function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, path: Path, out: Errors): void {
  if (!options) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: gmsa, runAsUserName: user } = options;
  if (name != null) invalidEach(isDNS1123Subdomain(name), path.child('gmsaCredentialSpecName'), name, out);
  if (gmsa != null) {
    const at = path.child('gmsaCredentialSpec');
    if (gmsa === '') out.push(invalidField(at, gmsa, 'gmsaCredentialSpec cannot be an empty string'));
    else if (byteLength(gmsa) > 65536) out.push(invalidField(at, gmsa, 'gmsaCredentialSpec size must be under 64 KiB'));
  }
  if (user == null) return;
  const refuse = (detail: string) =>
    out.push(invalidField(path.child('runAsUserName'), user, `runAsUserName${detail}`));
  if (user === '') return void refuse(' cannot be an empty string');
  if (CONTROL.test(user)) return void refuse(' cannot contain control characters');
  const parts = user.split('\\');
  if (parts.length > 2) return void refuse(' cannot contain more than one backslash');
  const domain = parts.length === 2 ? parts[0]! : '';
  const account = parts.at(-1)!;
  if (byteLength(domain) >= 256) refuse("'s Domain length must be under 256 characters");
  if (parts.length === 2 && !NETBIOS.test(domain) && !DNS_DOMAIN.test(domain)) {
    refuse("'s Domain doesn't match the NetBios nor the DNS format");
  }
  if (account === '') refuse("'s User cannot be empty");
  else if (byteLength(account) > 104) refuse("'s User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(account)) refuse("'s User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(account)) {
    refuse('\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  }
}

function goNames(value: object | undefined): Record<string, unknown> | null {
  if (!value) return null;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k.charAt(0).toUpperCase() + k.slice(1), v]));
}

/** A container's context as upstream's internal type prints it. */
function shown(context: SecurityContext): Record<string, unknown> {
  return {
    Capabilities: context.capabilities
      ? { Add: context.capabilities.add ?? null, Drop: context.capabilities.drop ?? null }
      : null,
    Privileged: context.privileged ?? null,
    SELinuxOptions: goNames(context.seLinuxOptions),
    WindowsOptions: goNames(context.windowsOptions),
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: goNames(context.seccompProfile),
    AppArmorProfile: goNames(context.appArmorProfile),
  };
}

/** Privileged containers are allowed, as with `--allow-privileged=true`. */
export function validateSecurityContext(
  context: SecurityContext | undefined,
  hostUsers: boolean,
  path: Path,
  out: Errors,
): void {
  if (!context) return;
  validateID(context.runAsUser, path.child('runAsUser'), out);
  validateID(context.runAsGroup, path.child('runAsGroup'), out);
  if (context.procMount != null) {
    supported(context.procMount, ['Default', 'Unmasked'], path.child('procMount'), out);
    if (hostUsers && context.procMount === 'Unmasked') {
      out.push(invalidField(path.child('procMount'), context.procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  validateSeccomp(context.seccompProfile, path.child('seccompProfile'), out);
  if (context.allowPrivilegeEscalation === false) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and ';
    if (context.privileged) out.push(invalidField(path, shown(context), `${detail}\`privileged\` to true`));
    for (const cap of context.capabilities?.add ?? []) {
      if (cap === 'CAP_SYS_ADMIN') {
        out.push(invalidField(path, shown(context), `${detail}\`capabilities.Add\` CAP_SYS_ADMIN`));
      }
    }
  }
  validateWindowsOptions(context.windowsOptions, path.child('windowsOptions'), out);
  validateAppArmor(context.appArmorProfile, path.child('appArmorProfile'), out);
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const SYSCTL_TEXT = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const IPC_SYSCTLS = /^(kernel\.(shm|msg)|fs\.mqueue\.|kernel\.sem$)/;

function validateSysctls(spec: PodSpec, path: Path, out: Errors): void {
  const names = new Set<string>();
  spec.securityContext?.sysctls?.forEach((sysctl, i) => {
    const at = path.index(i).child('name');
    const { name } = sysctl;
    if (!name) out.push(requiredField(at));
    else if (name.length > 253 || !SYSCTL.test(name)) {
      out.push(invalidField(at, name, `must have at most 253 characters and match regex ${SYSCTL_TEXT}`));
    } else if (names.has(name)) out.push(duplicateField(at, name));
    const dotted = normalizeSysctl(name ?? '');
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      out.push(invalidField(at, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && IPC_SYSCTLS.test(dotted)) {
      out.push(invalidField(at, name, "may not be specified when 'hostIPC' is true"));
    }
    names.add(name);
  });
}

/** Slashes and dots stand for each other when a slash comes first. */
function normalizeSysctl(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replace(/[./]/g, (c) => (c === '/' ? '.' : '/')) : name;
}

export function validatePodSecurityContext(
  spec: PodSpec,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  const context = spec.securityContext;
  if (!context) return;
  validateID(context.fsGroup, path.child('fsGroup'), out);
  validateID(context.runAsUser, path.child('runAsUser'), out);
  validateID(context.runAsGroup, path.child('runAsGroup'), out);
  context.supplementalGroups?.forEach((id, i) => void validateID(id, path.child('supplementalGroups').index(i), out));
  if (spec.shareProcessNamespace && spec.hostPID) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    out.push(invalidField(path.child('shareProcessNamespace'), true, detail));
  }
  validateSysctls(spec, path.child('sysctls'), out);
  supported(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], path.child('fsGroupChangePolicy'), out);
  validateSeccomp(context.seccompProfile, path.child('seccompProfile'), out);
  validateWindowsOptions(context.windowsOptions, path.child('windowsOptions'), out);
  validateAppArmor(context.appArmorProfile, path.child('appArmorProfile'), out);
  supported(context.supplementalGroupsPolicy, ['Merge', 'Strict'], path.child('supplementalGroupsPolicy'), out);
  const policies = options.allowAnySELinuxChangePolicy ? ['MountOption', 'Recursive'] : ['Recursive'];
  supported(context.seLinuxChangePolicy, policies, path.child('seLinuxChangePolicy'), out);
}

/** Fields that make no sense on the operating system the pod is for. */
export function validateForOS(spec: PodSpec, path: Path, visit: VisitContexts, out: Errors): void {
  const os = spec.os?.name;
  const context = spec.securityContext ?? {};
  if (os === 'linux') {
    const detail = 'windows options cannot be set for a linux pod';
    if (context.windowsOptions) out.push(forbiddenField(path.child('securityContext', 'windowsOptions'), detail));
    visit((c, at) => {
      if (c.windowsOptions) out.push(forbiddenField(at.child('windowsOptions'), detail));
    });
    return;
  }
  if (os !== 'windows') return;
  const detail = 'cannot be set for a windows pod';
  const refuse = (value: unknown, at: Path) => {
    if (value !== undefined && value !== null && value !== false) out.push(forbiddenField(at, detail));
  };
  const at = path.child('securityContext');
  refuse(context.appArmorProfile, at.child('appArmorProfile'));
  refuse(context.seLinuxOptions, at.child('seLinuxOptions'));
  if (spec.hostUsers != null) out.push(forbiddenField(path.child('hostUsers'), detail));
  refuse(spec.hostPID, path.child('hostPID'));
  refuse(spec.hostIPC, path.child('hostIPC'));
  refuse(context.seccompProfile, at.child('seccompProfile'));
  refuse(context.fsGroup, at.child('fsGroup'));
  refuse(context.fsGroupChangePolicy, at.child('fsGroupChangePolicy'));
  if (context.sysctls?.length) refuse(context.sysctls, at.child('sysctls'));
  if (spec.shareProcessNamespace != null) out.push(forbiddenField(path.child('shareProcessNamespace'), detail));
  for (const field of [
    'runAsUser',
    'runAsGroup',
    'supplementalGroups',
    'supplementalGroupsPolicy',
    'seLinuxChangePolicy',
  ] as const) {
    refuse(context[field], at.child(field));
  }
  const fields = [
    'appArmorProfile',
    'seLinuxOptions',
    'seccompProfile',
    'capabilities',
    'readOnlyRootFilesystem',
    'privileged',
    'allowPrivilegeEscalation',
    'procMount',
    'runAsUser',
    'runAsGroup',
  ] as const;
  visit((c, where) => {
    for (const field of fields) if (c[field] != null) out.push(forbiddenField(where.child(field), detail));
  });
}

export type VisitContexts = (visit: (context: SecurityContext, path: Path) => void) => void;
