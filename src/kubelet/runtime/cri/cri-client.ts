/**
 * gRPC calls to a CRI runtime over its unix socket, from the descriptor in cri-v1.json. Messages are plain objects with the field
 * names of the descriptor; 64-bit integers are numbers. Upstream: k8s.io/cri-api/pkg/apis/runtime/v1
 */
import { readFileSync } from 'node:fs';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { systemClock } from '../../../base/clock.ts';
import { RuntimeError } from '../container-runtime.ts';

type Message = Record<string, unknown>;

interface Method {
  path: string;
  request: protobuf.Type;
  response: protobuf.Type;
}

const MAX_MESSAGE = 16 * 1024 * 1024;

/** Every method of the two services by name. */
function loadMethods(): Map<string, Method> {
  const root = protobuf.Root.fromJSON(
    JSON.parse(readFileSync(new URL('./cri-v1.json', import.meta.url), 'utf8')) as protobuf.INamespace,
  );
  root.resolveAll();
  const methods = new Map<string, Method>();
  for (const name of ['RuntimeService', 'ImageService']) {
    const service = root.lookupService(`runtime.v1.${name}`);
    for (const m of service.methodsArray) {
      m.resolve();
      methods.set(m.name, {
        path: `/runtime.v1.${name}/${m.name}`,
        request: m.resolvedRequestType as protobuf.Type,
        response: m.resolvedResponseType as protobuf.Type,
      });
    }
  }
  return methods;
}

export class CriClient {
  readonly #client: Client;
  readonly #methods = loadMethods();

  constructor(socket: string) {
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.max_send_message_length': MAX_MESSAGE,
    });
  }

  /** @throws RuntimeError: NotFound, Timeout, or Unavailable with the runtime's words. `timeoutMs` 0: no limit. */
  call<T>(method: string, request: Message, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<T> {
    const m = this.#methods.get(method);
    if (m === undefined) throw new Error(`no CRI method ${method}`);
    // gRPC counts deadlines on the machine's clock, whatever clock the kubelet runs on.
    const { timeoutMs = 120_000, signal } = options;
    return new Promise<T>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest<Message, Message>(
        m.path,
        (value) => Buffer.from(m.request.encode(m.request.fromObject(value)).finish()),
        (bytes) =>
          m.response.toObject(m.response.decode(bytes), {
            longs: Number,
            enums: String,
            defaults: true,
            bytes: Buffer,
          }) as Message,
        request,
        timeoutMs === 0 ? {} : { deadline: systemClock.now() + timeoutMs },
        (err, value) => {
          signal?.removeEventListener('abort', cancel);
          if (err) reject(signal?.aborted ? signal.reason : translate(err));
          else resolve(value as T);
        },
      );
      const cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function translate(err: ServiceError): RuntimeError {
  const reason =
    err.code === status.NOT_FOUND ? 'NotFound' : err.code === status.DEADLINE_EXCEEDED ? 'Timeout' : 'Unavailable';
  return new RuntimeError(reason, err.details || err.message, { cause: err });
}
