/** A request the kubelet refuses: the HTTP status and the text of the answer. */
export class KubeletError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'KubeletError';
    this.code = code;
  }
}
