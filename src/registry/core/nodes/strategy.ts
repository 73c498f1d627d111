/** Nodes. Upstream: pkg/registry/core/node/strategy.go, pkg/apis/core/validation/validation.go ValidateNode */
import type { Node, Taint } from '../../../api/core-v1.ts';
import {
  duplicateField,
  forbiddenField,
  internalFieldError,
  invalidField,
  Path,
} from '../../../machinery/validation/field-error.ts';
import { parseCIDR } from '../../../machinery/validation/ip.ts';
import { isLabelValue } from '../../../machinery/validation/names.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import { validCIDRForLegacyField } from '../../validation/ip.ts';
import { validateResourceQuantity } from '../../validation/resource-names.ts';
import { type Errors, oneOf, positive } from '../../validation/values.ts';
import { TAINT_EFFECTS, validateLabelName } from '../pods/scheduling.ts';
import { defaultResourceList } from '../resource-defaults.ts';

const METADATA = Path.root('metadata');
const FEATURE = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;

function defaultNode(node: Node): void {
  node.spec ??= {};
  const { spec } = node;
  const status = node.status!;
  if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
  if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
  defaultResourceList(status.capacity);
  defaultResourceList(status.allocatable);
  status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
  status.nodeInfo ??= {
    machineID: '',
    systemUUID: '',
    bootID: '',
    kernelVersion: '',
    osImage: '',
    containerRuntimeVersion: '',
    kubeletVersion: '',
    kubeProxyVersion: '',
    operatingSystem: '',
    architecture: '',
  };
}

function validateTaints(taints: readonly Taint[] | undefined, path: Path, out: Errors): void {
  const seen = new Set<string>();
  taints?.forEach((taint, i) => {
    const at = path.index(i);
    validateLabelName(taint.key ?? '', at.child('key'), out);
    const messages = isLabelValue(taint.value ?? '');
    if (messages.length > 0) out.push(invalidField(at.child('value'), taint.value, messages.join(';')));
    oneOf(taint.effect, TAINT_EFFECTS, at.child('effect'), out);
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const shown = {
        Key: taint.key,
        Value: taint.value ?? '',
        Effect: taint.effect,
        TimeAdded: taint.timeAdded ?? null,
      };
      out.push({ ...duplicateField(at, shown), detail: 'taints must be unique by key and effect pair' });
    }
    seen.add(key);
  });
}

function validateStatus(node: Node, out: Errors): void {
  const status = node.status ?? {};
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of Object.entries(status[list] ?? {})) {
      validateResourceQuantity(name, amount, Path.root('status', list, name), out);
    }
  }
  const path = Path.root('status', 'declaredFeatures');
  status.declaredFeatures?.forEach((feature, i, all) => {
    if (feature.length > 253) {
      const detail = `invalid feature name ${JSON.stringify(feature)}: must be no more than 253 characters`;
      out.push(invalidField(path.index(i), feature, detail));
    } else if (!FEATURE.test(feature)) {
      const detail = `invalid feature name ${JSON.stringify(feature)}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
      out.push(invalidField(path.index(i), feature, detail));
    }
    const next = all[i + 1];
    if (next === feature) out.push(duplicateField(path.index(i + 1), next));
    else if (next !== undefined && feature > next) {
      out.push(invalidField(path.index(i + 1), next, 'list must be sorted alphabetically'));
    }
  });
}

function validateNode(node: Node): Errors {
  const out: Errors = [];
  validateTaints(node.spec?.taints, METADATA.child('taints'), out);
  validateStatus(node, out);
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap != null) positive(Number(swap), METADATA.child('nodeSwapStatus', 'capacity'), out);
  const cidrs = node.spec?.podCIDRs ?? [];
  const path = Path.root('spec', 'podCIDRs');
  cidrs.forEach((cidr, i) => void validCIDRForLegacyField(path.index(i), cidr, undefined, out));
  if (cidrs.length > 1) {
    const lengths = cidrs.map((c) => parseCIDR(c)?.ip.length);
    const bad = lengths.indexOf(undefined);
    if (bad >= 0) {
      const why = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
      const text = `invalid PodCIDRs. failed to check with dual stack with error:${why}`;
      out.push(internalFieldError(path, new Error(text)));
    }
    if (bad >= 0 || new Set(lengths).size < 2 || cidrs.length > 2) {
      out.push(invalidField(path, cidrs, 'may specify no more than one CIDR for each IP family'));
    }
  }
  return out;
}

function validateNodeUpdate(node: Node, old: Node): Errors {
  const out: Errors = [];
  validateStatus(node, out);
  const seen = new Set<string>();
  node.status?.addresses?.forEach((address, i) => {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) {
      const shown = { Type: address.type, Address: address.address };
      out.push(duplicateField(Path.root('status', 'addresses').index(i), shown));
    }
    seen.add(key);
  });
  const before = old.spec?.podCIDRs ?? [];
  const now = node.spec?.podCIDRs ?? [];
  const cidrs = () => {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    out.push(forbiddenField(Path.root('spec', 'podCIDRs'), detail));
  };
  if (before.length > 0) {
    if (before.length !== now.length) cidrs();
    else before.forEach((cidr, i) => void (cidr !== now[i] && cidrs()));
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    out.push(forbiddenField(Path.root('spec', 'providerID'), detail));
  }
  validateTaints(node.spec?.taints, METADATA.child('taints'), out);
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    out.push(forbiddenField(Path.root('spec', 'externalID'), 'may not be updated'));
  }
  return out;
}

function warn(node: Node, context: StrategyContext): void {
  if (node.spec?.configSource) context.warn('spec.configSource: the feature is removed');
  if (node.spec?.externalID) context.warn('spec.externalID: this field is deprecated, and is unused by Kubernetes');
}

const base = specStatusStrategy<Node>({
  default: defaultNode,
  validate: validateNode,
  warn: (node, _, context) => warn(node, context),
  prepareForUpdate(node, old) {
    if (!old.spec?.configSource) delete node.spec!.configSource;
  },
  validateUpdate: (node, old) => [...validateNode(node), ...validateNodeUpdate(node, old)],
  fields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
  status: { validate: validateNodeUpdate },
});

/** A node may be created with a status: kubelets register themselves whole. */
export const nodeStrategy: Strategy<Node> = {
  sharesUnchanged: true,
  ...base,
  prepareForCreate(node) {
    delete node.metadata.generation;
    delete node.spec!.configSource;
    delete node.status!.config;
  },
};
