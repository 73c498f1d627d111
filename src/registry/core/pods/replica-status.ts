/** Rules of counted replicas, in replica sets and controllers. Upstream: ValidateReplicaSetStatus, ValidateReplicationControllerStatus */
import { invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { type Errors, nonNegative } from '../../validation/values.ts';

export interface ReplicaStatus {
  replicas?: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
}

export function validateReplicaStatus(status: ReplicaStatus): Errors {
  const out: Errors = [];
  const path = Path.root('status');
  const fields = [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
    'terminatingReplicas',
  ] as const;
  for (const field of fields) nonNegative(status[field], path.child(field), out);
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  for (const field of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const value = status[field] ?? 0;
    if (value > replicas) out.push(invalidField(path.child(field), value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) {
    out.push(invalidField(path.child('availableReplicas'), availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return out;
}
