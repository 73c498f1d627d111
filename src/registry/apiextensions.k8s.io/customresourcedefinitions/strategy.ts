/**
 * Strategy of CustomResourceDefinitions: defaults of names and conversion, stored versions, and the finalizer that holds a deleted
 * definition until its objects are gone. Upstream: apiextensions pkg/registry/customresourcedefinition/strategy.go
 */
import { formatTime } from '../../../machinery/meta/time.ts';
import { jsonEqual } from '../../../machinery/patch/json-value.ts';
import { knownFormat } from '../../../machinery/schema/structural.ts';
import { schemaHas } from '../../../machinery/schema/structural-walk.ts';
import { notEvaluated } from '../../expressions.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import {
  CLEANUP_FINALIZER,
  type CustomResourceDefinition,
  setCondition,
  storageVersionOf,
} from './custom-resource-definition.ts';
import { validateDefinition, validateDefinitionName, validateDefinitionStatus } from './validate.ts';

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  default(crd) {
    crd.spec ??= {} as CustomResourceDefinition['spec'];
    crd.spec.versions ??= [];
    crd.spec.names ??= {} as CustomResourceDefinition['spec']['names'];
    const { names } = crd.spec;
    if (!names.singular) names.singular = (names.kind ?? '').toLowerCase();
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
    crd.spec.conversion ??= { strategy: 'None' };
    const service = crd.spec.conversion.webhook?.clientConfig?.service;
    if (service && service.port === undefined) service.port = 443;
  },

  prepareForCreate(crd, context) {
    // Names that are not accepted yet are empty, not absent: clients read them.
    crd.status = { conditions: null, acceptedNames: { plural: '', kind: '' } };
    crd.metadata.generation = 1;
    noteStoredVersion(crd);
    warnOfFormats(crd, undefined, context);
    warnOfRules(crd, undefined, context);
  },

  validate: (crd) => [...validateDefinitionName(crd), ...validateDefinition(crd)],

  prepareForUpdate(crd, old, context) {
    if (old.status) crd.status = structuredClone(old.status);
    else delete crd.status;
    if (!jsonEqual(crd.spec, old.spec)) crd.metadata.generation = (old.metadata.generation ?? 0) + 1;
    noteStoredVersion(crd);
    warnOfFormats(crd, old, context);
    warnOfRules(crd, old, context);
  },

  validateUpdate: (crd, old) => validateDefinition(crd, old),

  /** A definition outlives its objects: the finalizer holds it until they are gone. */
  onlyMarks: true,
  beginDeletion(crd, { clock }) {
    const finalizers = crd.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP_FINALIZER)) crd.metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
    const condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    } as const;
    setCondition(crd, condition, formatTime(clock.now()));
  },

  resetFields: [['status']],
  allowUnconditionalUpdate: false,

  subresources: {
    status: {
      prepareForUpdate(crd, old) {
        crd.spec = structuredClone(old.spec);
      },
      validateUpdate: (crd) => validateDefinitionStatus(crd),
      resetFields: [['spec']],
    },
  },
};

function noteStoredVersion(crd: CustomResourceDefinition): void {
  const version = storageVersionOf(crd);
  if (!version) return;
  crd.status ??= {};
  const stored = crd.status.storedVersions ?? [];
  crd.status.storedVersions = stored.includes(version.name) ? stored : [...stored, version.name];
}

function warnOfFormats(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  context: StrategyContext,
): void {
  const known = new Set(old ? unknownFormats(old) : []);
  for (const format of unknownFormats(crd))
    if (!known.has(format)) context.warn(`unrecognized format ${JSON.stringify(format)}`);
}

function warnOfRules(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  context: StrategyContext,
): void {
  if (hasRules(crd) && !(old && hasRules(old))) context.warn(notEvaluated('rules of x-kubernetes-validations'));
}

function hasRules(crd: CustomResourceDefinition): boolean {
  return crd.spec.versions.some((v) =>
    schemaHas(v.schema?.openAPIV3Schema, (s) => (s['x-kubernetes-validations']?.length ?? 0) > 0),
  );
}

function unknownFormats(crd: CustomResourceDefinition): string[] {
  const formats: string[] = [];
  for (const v of crd.spec.versions) {
    schemaHas(v.schema?.openAPIV3Schema, (s) => {
      if (s.format && knownFormat(s) === '') formats.push(s.format);
      return false;
    });
  }
  return formats;
}
