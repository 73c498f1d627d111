/** Warnings that every kind with a pod template sends. Upstream: WarningsOnCreate of deployments, replica sets, jobs ... */
import type { PodTemplateSpec } from '../../../api/core-v1.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import type { Path } from '../../../machinery/validation/field-error.ts';
import { isDNS1123Label } from '../../../machinery/validation/names.ts';
import type { StrategyContext } from '../../generic/strategy.ts';
import { podWarnings } from './warnings.ts';

/** `named`: the object's name becomes part of its pods' names. */
export function warnOfTemplate(
  object: KubeObject,
  template: PodTemplateSpec | undefined,
  path: Path,
  context: StrategyContext,
  named: boolean,
): void {
  const messages = named ? isDNS1123Label(object.metadata.name ?? '') : [];
  if (messages.length > 0) {
    context.warn(
      `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
    );
  }
  if (template?.spec) for (const text of podWarnings(path, template.spec, template.metadata)) context.warn(text);
}
