/** Deletes Jobs that finished longer ago than their ttlSecondsAfterFinished. Upstream: pkg/controller/ttlafterfinished */
import type { Job } from '../../api/batch-v1.ts';
import { splitKey } from '../../client/indexer.ts';
import { JOBS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { Controller, ControllerContext, SyncResult } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { timeLeft } from './plan.ts';

export function startTtlAfterFinishedController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const jobs = context.informers.informer<Job>(JOBS);
  const loop = new ControllerLoop(context, {
    name: 'ttl_jobs_to_delete',
    workers: context.flags.concurrentTtlAfterFinishedSyncs,
    async sync(key, signal): Promise<SyncResult> {
      const { namespace, name } = splitKey(key);
      const cached = jobs.lister.getByKey(key);
      const left = cached && timeLeft(cached, clock.now());
      if (left === undefined) return;
      if (left > 0) return { requeueAfter: left };
      try {
        // The cache may be old and the TTL raised meanwhile: the server decides.
        const fresh = await client.get<Job>(JOBS, name, { namespace: namespace!, signal });
        const freshLeft = timeLeft(fresh, clock.now());
        if (freshLeft === undefined) return;
        if (freshLeft > 0) return { requeueAfter: freshLeft };
        const preconditions = { uid: fresh.metadata.uid! };
        await client.delete(JOBS, name, {
          namespace: namespace!,
          propagationPolicy: 'Foreground',
          preconditions,
          signal,
        });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    },
  });
  const enqueue = (job: Job) => {
    if (timeLeft(job, clock.now()) !== undefined) loop.enqueue(job);
  };
  jobs.addHandler({ added: enqueue, updated: (_, job) => enqueue(job) });
  return loop;
}
