/** Brings a container's image to the node by its pull policy, with back-off. Upstream: pkg/kubelet/images/image_manager.go */
import type { Container, Pod } from '../api/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { type ContainerRuntime, type RegistryCredentials, RuntimeError } from './runtime/container-runtime.ts';

/** Why there is no image yet, as the container's waiting state shows it. */
export class ImageError extends Error {
  readonly reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName' | 'ImageInspectError';
  /** Ms until another try makes sense. */
  readonly retryAfter: number;
  /** Said before: not worth an event. */
  readonly isRepeated: boolean;
  constructor(
    reason: ImageError['reason'],
    message: string,
    retryAfter: number,
    options?: ErrorOptions & { isRepeated?: boolean },
  ) {
    super(message, options);
    this.isRepeated = options?.isRepeated ?? false;
    this.name = 'ImageError';
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** Ms after a failed pull until the pod is looked at again and says that it waits. */
const SHOW_BACK_OFF = 1000;

export interface ImagesOptions {
  runtime: ContainerRuntime;
  clock: Clock;
}

export type ImageEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export class Images {
  readonly #o: ImagesOptions;
  readonly #backoff = new RestartBackoff();
  readonly #lastError = new Map<string, string>();

  constructor(options: ImagesOptions) {
    this.#o = options;
  }

  /** Returns the reference to create the container with. @throws ImageError */
  async ensure(
    pod: Pod,
    container: Container,
    credentials: readonly RegistryCredentials[],
    event: ImageEvent,
    signal: AbortSignal,
  ): Promise<string> {
    const { runtime, clock } = this.#o;
    const image = container.image ?? '';
    const present = await runtime.imageStatus(image);
    if (present !== undefined && container.imagePullPolicy !== 'Always') {
      event('Normal', 'Pulled', `Container image "${image}" already present on machine and can be accessed by the pod`);
      return present.id;
    }
    if (container.imagePullPolicy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      event('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, 10_000);
    }
    const key = `${pod.metadata.uid}_${image}`;
    const wait = this.#backoff.remainingSinceTry(key, clock.now());
    if (wait > 0) {
      const last = this.#lastError.get(key);
      // What the failed pull itself set in motion must not hide it.
      const shown = SHOW_BACK_OFF - (this.#backoff.delay(key) - wait);
      if (shown > 0 && last !== undefined) throw new ImageError('ErrImagePull', last, shown, { isRepeated: true });
      const message = `Back-off pulling image "${image}"`;
      event('Normal', 'BackOff', message);
      throw new ImageError(
        'ImagePullBackOff',
        last === undefined ? message : `${message}: ErrImagePull: ${last}`,
        wait,
      );
    }
    return this.#pull(key, image, credentials, event, signal);
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}_`);
    for (const key of this.#lastError.keys()) if (key.startsWith(`${podUid}_`)) this.#lastError.delete(key);
  }

  async #pull(
    key: string,
    image: string,
    credentials: readonly RegistryCredentials[],
    event: ImageEvent,
    signal: AbortSignal,
  ): Promise<string> {
    const { runtime, clock } = this.#o;
    event('Normal', 'Pulling', `Pulling image "${image}"`);
    const start = clock.now();
    try {
      const ref = await runtime.pullImage(image, credentials, signal);
      const took = formatDuration(clock.now() - start);
      const size = (await runtime.imageStatus(image))?.sizeBytes ?? 0;
      event(
        'Normal',
        'Pulled',
        `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${size} bytes.`,
      );
      this.#lastError.delete(key);
      return ref;
    } catch (err) {
      const message = err instanceof Error ? err.message : String(err);
      if (err instanceof RuntimeError && err.reason === 'InvalidImageName') {
        event('Warning', 'InspectFailed', `Failed to apply default image tag "${image}": ${message}`);
        throw new ImageError('InvalidImageName', `Failed to apply default image tag "${image}": ${message}`, 10_000, {
          cause: err,
        });
      }
      event('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      this.#backoff.next(key, clock.now(), clock.now());
      this.#lastError.set(key, message);
      throw new ImageError('ErrImagePull', message, SHOW_BACK_OFF, { cause: err });
    }
  }
}

/** As Go prints a duration rounded to milliseconds. */
function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Math.round(ms) / 1000}s`;
}
