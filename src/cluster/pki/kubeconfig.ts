/** Writes kubeconfig files with everything inline, readable by the owner only. */
import type { KeyPair } from './pki.ts';
import { writePrivateFile } from './pki.ts';

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM of the authority of the server's certificate. */
  ca: string;
  cluster?: string;
  user: string;
  credentials: KeyPair | { token: string };
  namespace?: string;
}

/** The YAML text; JSON strings are YAML strings, so every value is safe as it is. */
export function kubeconfigText(options: KubeconfigOptions): string {
  const { server, ca, cluster = 'keelson', user, credentials, namespace } = options;
  const q = (s: string) => JSON.stringify(s);
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const name = `${user}@${cluster}`;
  const secret =
    'token' in credentials
      ? [`    token: ${q(credentials.token)}`]
      : [
          `    client-certificate-data: ${base64(credentials.certificate)}`,
          `    client-key-data: ${base64(credentials.key)}`,
        ];
  return [
    'apiVersion: v1',
    'kind: Config',
    'preferences: {}',
    'clusters:',
    `- name: ${q(cluster)}`,
    '  cluster:',
    `    server: ${q(server)}`,
    `    certificate-authority-data: ${base64(ca)}`,
    'users:',
    `- name: ${q(user)}`,
    '  user:',
    ...secret,
    'contexts:',
    `- name: ${q(name)}`,
    '  context:',
    `    cluster: ${q(cluster)}`,
    `    user: ${q(user)}`,
    ...(namespace ? [`    namespace: ${q(namespace)}`] : []),
    `current-context: ${q(name)}`,
    '',
  ].join('\n');
}

export async function writeKubeconfig(file: string, options: KubeconfigOptions): Promise<void> {
  await writePrivateFile(file, kubeconfigText(options));
}
