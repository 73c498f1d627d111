/** Events as recorders write them, and what a recorder needs. Used by events.ts and the two files that make its events. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client } from './client.ts';

export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** core/v1 Event, as recorders write it. */
export interface CoreEvent extends KubeObject {
  involvedObject: ObjectReference;
  reason: string;
  message: string;
  source: { component: string; host?: string };
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
  type: EventType;
  eventTime: null;
  reportingComponent: string;
  reportingInstance: string;
}

export type EventType = 'Normal' | 'Warning';

export interface EventRecorderOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** `deployment-controller`, `kubelet`, `default-scheduler`. */
  component: string;
  host?: string;
  signal: AbortSignal;
}
