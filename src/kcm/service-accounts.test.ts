/** Every controller has an account that the bootstrap policy knows. */
import assert from 'node:assert/strict';
import { bootstrapPolicy } from '../registry/rbac/bootstrap.ts';
import { CONTROLLERS } from './controllers.ts';
import { serviceAccountOf } from './service-accounts.ts';

describe('service accounts of controllers', () => {
  const roles = new Set(bootstrapPolicy().clusterRoles.map((r) => r.metadata.name));
  for (const { name } of CONTROLLERS) {
    it(`${name} acts as an account with rights`, () => {
      assert.ok(roles.has(`system:controller:${serviceAccountOf(name)}`), serviceAccountOf(name));
    });
  }
});
