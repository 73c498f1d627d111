/** Cluster IPs and node ports over the life of services; the stored services are the truth. */
import assert from 'node:assert/strict';
import type { Service, ServiceSpec } from '../../../api/core-v1.ts';
import type { IPAddress } from '../../../api/networking-v1.ts';
import { seededRandom } from '../../../base/random.ts';
import { alreadyExists, StatusError } from '../../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { contextFor, created, rowOf, updated } from '../../strategy-testing.ts';
import { ServiceAllocators, type ServiceAllocatorsOptions } from './allocators.ts';
import { serviceStrategy } from './strategy.ts';

const ROW = rowOf({ apiVersion: 'v1', kind: 'Service' });

/** A server's view: writes go through the strategy and its transaction. */
class World {
  readonly stored = new Map<string, Service>();
  readonly allocators: ServiceAllocators;

  constructor(options: Partial<ServiceAllocatorsOptions> = {}, stored: Iterable<Service> = []) {
    for (const service of stored) this.stored.set(service.metadata.name!, service);
    this.allocators = new ServiceAllocators({
      clusterCIDRs: ['10.96.0.0/12'],
      nodePorts: { base: 30000, size: 100 },
      listServices: () => [...this.stored.values()],
      random: seededRandom(1),
      ...options,
    });
  }

  async write(name: string, spec: ServiceSpec, { dryRun = false, fail = false } = {}): Promise<Service> {
    const input = { apiVersion: 'v1', kind: 'Service', metadata: { name, resourceVersion: '1' }, spec };
    const old = this.stored.get(name);
    const services = this.allocators;
    const { object, problems } = old
      ? updated(input, old as KubeObject, undefined, { services })
      : created(input, { services });
    assert.deepEqual(problems, []);
    const service = object as unknown as Service;
    const context = { ...contextFor(ROW), dryRun };
    const transaction = await serviceStrategy(services).begin!(service, old, context);
    if (fail) await transaction.rollback();
    else {
      await transaction.commit();
      if (!dryRun) this.stored.set(name, service);
    }
    return service;
  }

  async problem(name: string, spec: ServiceSpec): Promise<string> {
    try {
      await this.write(name, spec);
    } catch (err) {
      if (err instanceof StatusError) return err.message;
      throw err;
    }
    return 'no problem';
  }
}

const ports = [{ port: 80 }];

describe('service allocators', () => {
  it('give addresses of the range and the family they are of', async () => {
    const world = new World();
    const { spec } = await world.write('a', { ports });
    assert.match(spec!.clusterIP!, /^10\.(9[6-9]|10\d|11[01])\./);
    assert.deepEqual(spec!.clusterIPs, [spec!.clusterIP]);
    assert.deepEqual(spec!.ipFamilies, ['IPv4']);
    assert.equal(spec!.ipFamilyPolicy, 'SingleStack');
    assert.equal(spec!.ports![0]!.nodePort, undefined);
  });

  it('leave the lower part of the range to addresses that are asked for', async () => {
    const world = new World({ clusterCIDRs: ['10.0.0.0/24'] });
    // 256 addresses: 16 are for static use, by upstream's formula.
    for (let i = 0; i < 230; i++) {
      const { spec } = await world.write(`s${i}`, { ports });
      assert(Number(spec!.clusterIP!.split('.')[3]) > 16, spec!.clusterIP);
    }
  });

  it('use the lower part when the upper is full, and end', async () => {
    const world = new World({ clusterCIDRs: ['10.0.0.0/29'] });
    const ips = new Set<string>();
    for (let i = 0; i < 6; i++) ips.add((await world.write(`s${i}`, { ports })).spec!.clusterIP!);
    assert.deepEqual(
      [...ips].sort(),
      ['1', '2', '3', '4', '5', '6'].map((n) => `10.0.0.${n}`),
    );
    assert.equal(
      await world.problem('full', { ports }),
      'Internal error occurred: failed to allocate a serviceIP for Service "full": range is full',
    );
  });

  it('refuse what is taken or out of range, in the words of upstream', async () => {
    const world = new World();
    await world.write('a', { ports: [{ port: 80, nodePort: 30010 }], type: 'NodePort', clusterIP: '10.96.0.10' });
    assert.equal(
      await world.problem('b', { ports, clusterIP: '10.96.0.10' }),
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    );
    assert.equal(
      await world.problem('b', { ports, clusterIP: '10.1.0.10' }),
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.1.0.10"]: failed to allocate IP 10.1.0.10: the provided network does not match the current range',
    );
    assert.equal(
      await world.problem('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30010 }] }),
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30010: provided port is already allocated',
    );
    assert.equal(
      await world.problem('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 20 }] }),
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 20: provided port is not in the valid range. The range of valid ports is 30000-30099',
    );
  });

  it('give back what a refused or failed write took', async () => {
    const world = new World();
    await world.write('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30010 }] });
    const spec: ServiceSpec = {
      type: 'NodePort',
      clusterIP: '10.96.0.20',
      ports: [
        { name: 'x', port: 80, nodePort: 30011 },
        { name: 'y', port: 81, nodePort: 30010 },
      ],
    };
    assert.match(await world.problem('b', spec), /already allocated/);
    const good = { ...spec, ports: spec.ports!.slice(0, 1) };
    await world.write('b', good, { fail: true });
    await world.write('b', good, { dryRun: true });
    assert.equal((await world.write('b', good)).spec!.clusterIP, '10.96.0.20');
  });

  it('give headless and external services nothing', async () => {
    const world = new World();
    const headless = await world.write('h', { clusterIP: 'None', ports, selector: { a: 'b' } });
    assert.deepEqual(headless.spec!.clusterIPs, ['None']);
    const external = await world.write('e', { type: 'ExternalName', externalName: 'a.b' });
    assert.equal(external.spec!.clusterIP, undefined);
    assert.equal(external.spec!.ipFamilies, undefined);
  });

  it('follow changes of type', async () => {
    const world = new World();
    const first = await world.write('a', { ports });
    const ip = first.spec!.clusterIP!;
    const exposed = await world.write('a', { ports, type: 'NodePort' });
    assert.equal(exposed.spec!.clusterIP, ip);
    const port = exposed.spec!.ports![0]!.nodePort!;
    assert(port >= 30000 && port < 30100);
    assert.equal((await world.write('a', { ports, type: 'NodePort' })).spec!.ports![0]!.nodePort, port, 'kept');
    const hidden = await world.write('a', { ports, type: 'ClusterIP' });
    assert.equal(hidden.spec!.ports![0]!.nodePort, undefined);
    await world.write('b', { type: 'NodePort', ports: [{ port: 80, nodePort: port }] });
    const external = await world.write('a', { type: 'ExternalName', externalName: 'a.b' });
    assert.equal(external.spec!.clusterIP, undefined);
    await world.write('c', { ports, clusterIP: ip });
    assert.notEqual((await world.write('a', { ports, type: 'ClusterIP' })).spec!.clusterIP, ip);
  });

  it('give a node port to both protocols of a port, and one for health checks', async () => {
    const world = new World();
    const { spec } = await world.write('a', {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: [
        { name: 'u', port: 53, protocol: 'UDP' },
        { name: 't', port: 53, protocol: 'TCP' },
      ],
    });
    const [udp, tcp] = spec!.ports!;
    assert.equal(udp!.nodePort, tcp!.nodePort);
    assert(spec!.healthCheckNodePort! >= 30000);
    assert.notEqual(spec!.healthCheckNodePort, udp!.nodePort);
    const cluster = await world.write('a', { ...spec, externalTrafficPolicy: 'Cluster', healthCheckNodePort: 0 });
    assert(!cluster.spec!.healthCheckNodePort);
  });

  it('free everything when a service goes', async () => {
    const world = new World();
    const spec: ServiceSpec = { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30001 }] };
    await world.allocators.release(await world.write('a', spec));
    world.stored.delete('a');
    assert.equal(await world.problem('b', spec), 'no problem');
  });

  it('know after a restart what is taken', async () => {
    const before = new World();
    const spec: ServiceSpec = { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30001 }] };
    await before.write('a', spec);
    const after = new World({}, before.stored.values());
    await after.allocators.load();
    assert.match(await after.problem('b', spec), /already allocated/);
    assert.deepEqual(await after.allocators.repair(), []);
  });

  it('repair: take what is used, free a leak seen twice, name duplicates', async () => {
    const world = new World();
    const spec = { ports, clusterIP: '10.96.0.9' };
    const service = await world.write('a', spec);
    service.metadata.namespace = 'default';
    world.stored.set('b', { ...service, metadata: { name: 'b', namespace: 'default' } });
    assert.deepEqual(await world.allocators.repair(), [
      'the cluster IP 10.96.0.9 of service default/b was assigned to default/a; please recreate',
    ]);
    world.stored.clear();
    assert.deepEqual(await world.allocators.repair(), []);
    assert.match(await world.problem('c', spec), /already allocated/);
    assert.deepEqual(await world.allocators.repair(), ['10.96.0.9 appears to have leaked: cleaning up']);
    assert.equal(await world.problem('c', spec), 'no problem');
  });

  it('keep an address object for each address, which decides between servers', async () => {
    const book = new Map<string, IPAddress>();
    const addresses = {
      async create(address: IPAddress) {
        const name = address.metadata.name!;
        if (book.has(name)) throw alreadyExists({ group: 'networking.k8s.io', resource: 'ipaddresses' }, name);
        book.set(name, address);
      },
      async delete(name: string) {
        book.delete(name);
      },
    };
    const one = new World({ addresses, clusterCIDRs: ['10.0.0.0/29'] });
    const two = new World({ addresses, clusterCIDRs: ['10.0.0.0/29'] });
    const taken = (await one.write('a', { ports })).spec!.clusterIP!;
    assert.deepEqual(book.get(taken)?.spec?.parentRef, {
      group: '',
      resource: 'services',
      namespace: 'default',
      name: 'a',
    });
    assert.match(await two.problem('b', { ports, clusterIP: taken }), /provided IP is already allocated/);
    const others = new Set<string>();
    for (let i = 0; i < 5; i++) others.add((await two.write(`s${i}`, { ports })).spec!.clusterIP!);
    assert(!others.has(taken));
    assert.equal(others.size, 5);
    assert.equal(book.size, 6);
    await one.allocators.release(one.stored.get('a')!);
    assert.equal(book.size, 5);
  });

  it('serve two families when there are two ranges', async () => {
    const world = new World({ clusterCIDRs: ['10.96.0.0/16', 'fd00::/108'] });
    const { spec } = await world.write('a', { ports, ipFamilyPolicy: 'PreferDualStack' });
    assert.deepEqual(spec!.ipFamilies, ['IPv4', 'IPv6']);
    assert.match(spec!.clusterIPs![1]!, /^fd00::/);
    const one = await world.write('b', { ports });
    assert.deepEqual(one.spec!.ipFamilies, ['IPv4']);
    const both = await world.write('b', { ...one.spec, ipFamilyPolicy: 'RequireDualStack' });
    assert.equal(both.spec!.clusterIPs!.length, 2);
    assert.equal(both.spec!.clusterIPs![0], one.spec!.clusterIP);
  });
});
