/**
 * `npm run -s kubectl -- ARGS`: the kubectl that the tests use, for machines that have none. Without KUBECONFIG it speaks to the cluster
 * that `npm start` runs.
 */
import { spawn } from 'node:child_process';
import { toolPath } from './kubectl.ts';

const kubeconfig = process.env.KUBECONFIG ?? new URL('../../.keelson/kubeconfig', import.meta.url).pathname;
const child = spawn(await toolPath('kubectl'), process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, KUBECONFIG: kubeconfig },
});
child.on('exit', (code) => process.exit(code ?? 1));
