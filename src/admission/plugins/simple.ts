/**
 * The plugins that are a few lines each and off by default: AlwaysAdmit, AlwaysDeny, AlwaysPullImages, NamespaceExists, NamespaceAutoProvision.
 * Upstream: plugin/pkg/admission/{admit,deny,alwayspullimages,namespace}
 */
import type { Container, Pod } from '../../api/core-v1.ts';
import { NAMESPACES } from '../../client/resources.ts';
import { internalError, invalid, isAlreadyExists, notFound } from '../../machinery/errors/status-error.ts';
import { type FieldError, notSupported } from '../../machinery/validation/field-error.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { errorText, isFor, refuse } from '../refuse.ts';

const NAMESPACE = { group: '', resource: 'namespaces' };

export function alwaysAdmit(): AdmissionPlugin {
  return { name: 'AlwaysAdmit', handles: () => true, admit() {}, validate() {} };
}

export function alwaysDeny(): AdmissionPlugin {
  const deny = (a: Attributes) => {
    throw refuse(a, 'admission control is denying all modifications');
  };
  return { name: 'AlwaysDeny', handles: () => true, admit: deny, validate: deny };
}

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

export function alwaysPullImages(): AdmissionPlugin {
  const concerns = (a: Attributes) =>
    (isFor(a, '', 'pods') || isFor(a, '', 'pods', 'ephemeralcontainers')) && a.object !== undefined;
  return {
    name: 'AlwaysPullImages',
    resources: ['pods'],
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(a) {
      if (!concerns(a)) return;
      // Containers may be the stored pod's own: those that change are made anew.
      const spec = ((a.object as Pod).spec ?? {}) as Partial<Record<(typeof CONTAINER_LISTS)[number], Container[]>>;
      for (const list of CONTAINER_LISTS)
        if (spec[list]?.some((c) => c.imagePullPolicy !== 'Always'))
          spec[list] = spec[list].map((c) => ({ ...c, imagePullPolicy: 'Always' }));
    },
    validate(a) {
      if (!concerns(a)) return;
      const errors: FieldError[] = [];
      for (const list of CONTAINER_LISTS)
        for (const [i, c] of ((a.object as Pod).spec?.[list] ?? []).entries())
          if (c.imagePullPolicy !== 'Always')
            errors.push(notSupported(`spec.${list}[${i}].imagePullPolicy`, c.imagePullPolicy, ['Always']));
      if (errors.length > 0) throw invalid({ group: '', kind: 'Pod' }, a.name, errors);
    },
  };
}

function isInNamespace(a: Attributes): boolean {
  return a.namespace !== '' && !(a.kind.group === '' && a.kind.kind === 'Namespace');
}

export function namespaceExists(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'NamespaceExists',
    handles: (operation) => operation !== 'CONNECT',
    async validate(a) {
      if (!isInNamespace(a)) return;
      const found = (await data.get(NAMESPACE, '', a.namespace)) ?? (await data.getLive(NAMESPACE, '', a.namespace));
      if (found === undefined) throw notFound(NAMESPACE, a.namespace);
    },
  };
}

export function namespaceAutoProvision(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'NamespaceAutoProvision',
    handles: (operation) => operation === 'CREATE',
    async admit(a) {
      if (!isInNamespace(a) || a.dryRun || (await data.get(NAMESPACE, '', a.namespace)) !== undefined) return;
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: a.namespace } };
      await data.client.create(NAMESPACES, namespace, { signal: a.signal }).catch((err: unknown) => {
        if (!isAlreadyExists(err)) throw internalError(new Error(errorText(err), { cause: err }));
      });
    },
  };
}
