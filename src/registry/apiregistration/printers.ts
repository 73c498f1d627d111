/** Printers of the apiregistration.k8s.io group. Upstream: kube-aggregator/pkg/registry/apiservice/etcd/etcd.go ConvertToTable */
import type { APIService } from '../../api/apiregistration-v1.ts';
import { age, columns } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const apiServicePrinter: Printer<APIService> = {
  columns: columns('Name, Service, Available, Age'),
  cells(o, options) {
    const service = o.spec?.service;
    const available = o.status?.conditions?.find((c) => c.type === 'Available');
    const { status = 'Unknown', reason = '' } = available ?? {};
    return [
      o.metadata.name ?? '',
      service == null ? 'Local' : `${service.namespace ?? ''}/${service.name ?? ''}`,
      status === 'True' || reason === '' ? status : `${status} (${reason})`,
      age(o.metadata.creationTimestamp, options),
    ];
  },
};
