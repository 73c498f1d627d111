/**
 * --authorization-mode: the authorizers in order behind one, system:masters first. The first that allows or denies decides.
 * Upstream: pkg/kubeapiserver/authorizer, apiserver/pkg/authorization/{union,authorizerfactory}
 */
import type { AuthorizationResult, Authorizer, RuleResolver } from '../../machinery/authorization/authorizer.ts';
import { bootstrapPolicy } from '../../registry/rbac/bootstrap.ts';
import { nodeAuthorizer } from './node-authorizer.ts';
import type { NodeGraph } from './node-graph.ts';
import { type PolicyIndex, rbacAuthorizer } from './rbac.ts';

export const AUTHORIZATION_MODES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC'] as const;
export type AuthorizationMode = (typeof AUTHORIZATION_MODES)[number];

export interface AuthorizationOptions {
  modes: readonly AuthorizationMode[];
  policy: PolicyIndex;
  graph: NodeGraph;
}

/** An authorizer that always gives the same answer. */
function constant(decision: AuthorizationResult['decision'], reason: string): Authorizer & RuleResolver {
  return {
    authorize: () => ({ decision, reason }),
    rulesFor: async () => ({
      resourceRules: decision === 'Allow' ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : [],
      nonResourceRules: decision === 'Allow' ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : [],
      incomplete: false,
    }),
  };
}

const MASTER: AuthorizationResult = { decision: 'Allow', reason: '' };
const NOT_ASKED: AuthorizationResult = { decision: 'NoOpinion', reason: '' };

/** Lets everything pass that a member of system:masters asks. Rules of the others apply to what it shows of them. */
const privileged: Authorizer & RuleResolver = {
  authorize: (a) => (a.user.groups.includes('system:masters') ? MASTER : NOT_ASKED),
  rulesFor: async () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
};

export function newAuthorization({ modes, policy, graph }: AuthorizationOptions): Authorizer & RuleResolver {
  const authorizers = [privileged];
  for (const mode of modes)
    switch (mode) {
      case 'AlwaysAllow':
        authorizers.push(constant('Allow', ''));
        break;
      case 'AlwaysDeny':
        authorizers.push(constant('NoOpinion', 'Everything is forbidden.'));
        break;
      case 'Node':
        authorizers.push(nodeAuthorizer(graph, nodeRules()));
        break;
      case 'RBAC':
        authorizers.push(rbacAuthorizer(policy));
        break;
    }
  return unionAuthorizer(authorizers);
}

function unionAuthorizer(authorizers: readonly (Authorizer & RuleResolver)[]): Authorizer & RuleResolver {
  return {
    authorize(attributes) {
      const refusals: AuthorizationResult[] = [];
      for (let i = 0; i < authorizers.length; i++) {
        const result = authorizers[i]!.authorize(attributes);
        if (result instanceof Promise) return finish(authorizers.slice(i + 1), attributes, result, refusals);
        if (result.decision !== 'NoOpinion') return result;
        refusals.push(result);
      }
      return joined(refusals);
    },
    async rulesFor(user, namespace) {
      const all = await Promise.all(authorizers.map((a) => a.rulesFor(user, namespace)));
      const errors = all.flatMap((r) => r.evaluationError ?? []);
      return {
        resourceRules: all.flatMap((r) => r.resourceRules),
        nonResourceRules: all.flatMap((r) => r.nonResourceRules),
        incomplete: all.some((r) => r.incomplete),
        ...(errors.length ? { evaluationError: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` } : {}),
      };
    },
  };
}

async function finish(
  rest: readonly Authorizer[],
  attributes: Parameters<Authorizer['authorize']>[0],
  first: Promise<AuthorizationResult>,
  refusals: AuthorizationResult[],
): Promise<AuthorizationResult> {
  let result = await first;
  for (const next of rest) {
    if (result.decision !== 'NoOpinion') return result;
    refusals.push(result);
    result = await next.authorize(attributes);
  }
  if (result.decision !== 'NoOpinion') return result;
  return joined([...refusals, result]);
}

function joined(refusals: readonly AuthorizationResult[]): AuthorizationResult {
  const reasons = refusals.map((r) => r.reason).filter(Boolean);
  const errors = refusals.flatMap((r) => r.error ?? []);
  return { decision: 'NoOpinion', reason: reasons.join('\n'), ...(errors.length ? { error: errors.join(', ') } : {}) };
}

/** Rules of every kubelet beyond its own objects. */
function nodeRules() {
  return bootstrapPolicy().clusterRoles.find((r) => r.metadata.name === 'system:node')!.rules ?? [];
}
