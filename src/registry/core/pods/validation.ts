/**
 * Rules of pods on create and of pod templates. Upstream: pkg/apis/core/validation/validation.go ValidatePodCreate,
 * ValidatePodTemplateSpec, ValidatePodSpecificAnnotations
 */
import type { Pod, PodSpec, PodTemplateSpec, SeccompProfile, Toleration } from '../../../api/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import { forbiddenField, invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/validation/object-meta.ts';
import type { Errors } from '../../validation/values.ts';
import { validateImageWhitespace } from './containers.ts';
import { DELETION_COST, type PodValidationOptions, validDeletionCost } from './options.ts';
import { MIRROR_POD } from './resources.ts';
import { validateTolerations } from './scheduling.ts';
import { validatePodSpec } from './validate-spec.ts';
import { forEachContainer } from './visit-containers.ts';
import { validateLocalDescendingPath } from './volume-sources.ts';

export const APPARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';

export function validatePodAnnotations(
  annotations: Record<string, string> | undefined,
  spec: PodSpec,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  if (!annotations) return;
  const mirror = annotations[MIRROR_POD];
  if (mirror !== undefined && !spec.nodeName) {
    out.push(invalidField(path.key(MIRROR_POD), mirror, 'must set spec.nodeName if mirror pod annotation is set'));
  }
  if (annotations[TOLERATIONS]) validateTolerationAnnotation(annotations[TOLERATIONS], path, options, out);
  if (!options.allowInvalidDeletionCost && !validDeletionCost(annotations[DELETION_COST])) {
    out.push(invalidField(path.key(DELETION_COST), annotations[DELETION_COST], 'must be a 32bit integer'));
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) validateSeccompText(value, path.child(key), out);
    if (key.startsWith(APPARMOR_PREFIX)) {
      const name = key.slice(APPARMOR_PREFIX.length);
      let found = false;
      forEachContainer(spec, path, (c) => {
        if (c.name === name) found = true;
      });
      if (!found) out.push(invalidField(path.key(key), name, 'container not found'));
      if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith('localhost/')) {
        out.push(invalidField(path.key(key), value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
      }
    }
  }
}

function validateTolerationAnnotation(text: string, path: Path, options: PodValidationOptions, out: Errors): void {
  let tolerations: Toleration[];
  try {
    tolerations = JSON.parse(text) as Toleration[];
  } catch (err) {
    out.push(invalidField(path, TOLERATIONS, (err as Error).message));
    return;
  }
  if (Array.isArray(tolerations)) validateTolerations(tolerations, path.child(TOLERATIONS), options, out);
}

function validateSeccompText(value: string, path: Path, out: Errors): void {
  if (value === 'runtime/default' || value === 'docker/default' || value === 'unconfined') return;
  if (value.startsWith('localhost/')) validateLocalDescendingPath(value.slice('localhost/'.length), path, out);
  else out.push(invalidField(path, value, 'must be a valid seccomp profile'));
}

/** Old annotations, where still given, must say the same as the fields. */
export function validateProfilesMatchAnnotations(
  meta: ObjectMeta | undefined,
  spec: PodSpec,
  path: Path,
  out: Errors,
): void {
  const annotations = meta?.annotations;
  if (!annotations) return;
  const own = spec.securityContext;
  if (annotations[SECCOMP_POD] !== undefined && own?.seccompProfile) {
    matchSeccomp(annotations[SECCOMP_POD], own.seccompProfile, path.child('securityContext', 'seccompProfile'), out);
  }
  forEachContainer(spec, path, (c, at) => {
    const text = annotations[SECCOMP_CONTAINER + c.name];
    const profile = c.securityContext?.seccompProfile;
    if (text !== undefined && profile) matchSeccomp(text, profile, at.child('securityContext', 'seccompProfile'), out);
  });
  if (spec.os?.name === 'windows') return;
  forEachContainer(spec, path, (c, at) => {
    const text = annotations[APPARMOR_PREFIX + c.name];
    const profile = c.securityContext?.appArmorProfile ?? own?.appArmorProfile;
    if (text === undefined || !profile) return;
    matchProfile(text, profile, 'apparmor', ['runtime/default'], at.child('securityContext', 'appArmorProfile'), out);
  });
}

function matchSeccomp(text: string, profile: SeccompProfile, path: Path, out: Errors): void {
  matchProfile(text, profile, 'seccomp', ['runtime/default', 'docker/default'], path, out);
}

function matchProfile(
  text: string,
  profile: { type: string; localhostProfile?: string },
  what: string,
  defaults: readonly string[],
  path: Path,
  out: Errors,
): void {
  const localhost = profile.type === 'Localhost';
  const type = {
    Unconfined: text === 'unconfined',
    RuntimeDefault: defaults.includes(text),
    Localhost: text.startsWith('localhost/'),
  }[profile.type];
  if (type === false) out.push(forbiddenField(path.child('type'), `${what} type in annotation and field must match`));
  else if (localhost && text.slice('localhost/'.length) !== profile.localhostProfile) {
    out.push(forbiddenField(path.child('localhostProfile'), `${what} profile in annotation and field must match`));
  }
}

/** What create and every update check of the new pod. */
export function validatePodMetadataAndSpec(pod: Pod, options: PodValidationOptions, out: Errors): void {
  const path = Path.root('spec');
  const spec = pod.spec!;
  validatePodAnnotations(pod.metadata.annotations, spec, Path.root('metadata', 'annotations'), options, out);
  validatePodSpec(spec, pod.metadata, path, options, out);
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, v) => {
      volume.projected?.sources?.forEach((source, s) => {
        if (!source.serviceAccountToken) return;
        const at = path.child('volumes').index(v).child('projected', 'sources').index(s).child('serviceAccountToken');
        out.push(forbiddenField(at, 'must not be specified when serviceAccountName is not set'));
      });
    });
  }
  for (const list of ['containers', 'initContainers'] as const) {
    spec[list]?.forEach((c, i) => void validateImageWhitespace(c, path.child(list).index(i), out));
  }
}

export function validatePodCreate(pod: Pod, options: PodValidationOptions): Errors {
  const out: Errors = [];
  validatePodMetadataAndSpec(pod, options, out);
  const path = Path.root('spec');
  const spec = pod.spec!;
  if (spec.ephemeralContainers?.length)
    out.push(forbiddenField(path.child('ephemeralContainers'), 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    out.push(forbiddenField(path.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'));
  }
  validateProfilesMatchAnnotations(pod.metadata, spec, path, out);
  return out;
}

export function validatePodTemplate(
  template: PodTemplateSpec,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  const meta = template.metadata;
  const spec = template.spec ?? ({} as PodSpec);
  if (meta?.labels) out.push(...validateLabels(meta.labels, path.child('labels')));
  if (meta?.annotations) out.push(...validateAnnotations(meta.annotations, path.child('annotations')));
  validatePodAnnotations(meta?.annotations, spec, path.child('annotations'), options, out);
  validatePodSpec(spec, undefined, path.child('spec'), options, out);
  validateProfilesMatchAnnotations(meta, spec, path.child('spec'), out);
  if (spec.ephemeralContainers?.length) {
    const at = path.child('spec', 'ephemeralContainers');
    out.push(forbiddenField(at, 'ephemeral containers not allowed in pod template'));
  }
}
