/** Service accounts. Upstream: pkg/registry/core/serviceaccount/strategy.go */
import type { ServiceAccount } from '../../../api/core-v1.ts';
import type { Strategy, StrategyContext } from '../../generic/strategy.ts';

const MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';

function cleanSecrets(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

function warn(account: ServiceAccount, old: ServiceAccount | undefined, context: StrategyContext): void {
  if (old?.metadata.annotations?.[MOUNTABLE] !== undefined || account.metadata.annotations?.[MOUNTABLE] === undefined)
    return;
  const text = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
  context.warn(`metadata.annotations[${MOUNTABLE}]: ${text}`);
}

export const serviceAccountStrategy: Strategy<ServiceAccount> = {
  sharesUnchanged: true,
  allowUnconditionalUpdate: true,
  prepareForCreate: cleanSecrets,
  prepareForUpdate: cleanSecrets,
  validate(account, context) {
    warn(account, undefined, context);
    return [];
  },
  validateUpdate(account, old, context) {
    warn(account, old, context);
    return [];
  },
};
