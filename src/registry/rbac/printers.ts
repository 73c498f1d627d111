/** Printers of RBAC bindings; roles are printed by the default printer, as upstream does. */
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../api/rbac-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const bindingPrinter: Printer<RoleBinding | ClusterRoleBinding> = {
  columns: columns('Name, Role, Age, Users!, Groups!, ServiceAccounts!'),
  cells(o, options) {
    const subjects = o.subjects ?? [];
    const of = (kind: string, text: (s: Subject) => string) =>
      subjects
        .filter((s) => s.kind === kind)
        .map(text)
        .join(', ');
    return [
      o.metadata.name ?? '',
      `${o.roleRef?.kind ?? ''}/${o.roleRef?.name ?? ''}`,
      age(o.metadata.creationTimestamp, options),
      of('User', (s) => s.name),
      of('Group', (s) => s.name),
      of('ServiceAccount', (s) => (s.namespace ? `${s.namespace}/${s.name}` : `/${s.name}`)),
    ];
  },
};
