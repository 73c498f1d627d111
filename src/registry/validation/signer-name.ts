/** `example.com/signer`. Upstream: pkg/apis/core/validation/names.go ValidateSignerName */
import { invalidField, type Path, requiredField, tooLong } from '../../machinery/validation/field-error.ts';
import { isDNS1123Label, isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import type { Errors } from './values.ts';

export function validateSignerName(name: string, path: Path, out: Errors): void {
  if (!name) {
    out.push(requiredField(path));
    return;
  }
  const [domain, rest, ...more] = name.split('/') as [string, string | undefined, ...string[]];
  if (rest === undefined || more.length > 0) {
    out.push(
      invalidField(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
    );
    return;
  }
  if (domain.length > 253) out.push(tooLong(path, 253));
  const labels = domain.split('.');
  labelErrors(labels, isDNS1123Label, domain, path, out);
  if (labels.length < 2) {
    out.push(invalidField(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  labelErrors(rest.split('.'), isDNS1123Subdomain, rest, path, out);
  if (rest.length > 317) out.push(tooLong(path, 317));
}

/** Errors of the first bad label only. */
function labelErrors(labels: string[], check: (s: string) => string[], shown: string, path: Path, out: Errors): void {
  for (const label of labels) {
    const messages = check(label);
    for (const m of messages) out.push(invalidField(path, shown, `validating label ${JSON.stringify(label)}: ${m}`));
    if (messages.length > 0) return;
  }
}
