/** Which container runtime a cluster gets. */
import { accessSync, constants } from 'node:fs';

export type RuntimeChoice = 'auto' | 'containerd' | 'simulated';

const NEEDED = ['containerd', 'runc', 'nft', 'ip'];
const PATHS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/local/sbin'];

/** `auto` takes containerd where root and its binaries are there; `hint` says in one line how to get the other. */
export function chooseRuntime(choice: RuntimeChoice): { name: 'containerd' | 'simulated'; hint?: string } {
  if (choice === 'simulated') return { name: 'simulated' };
  const lacking = missing();
  if (choice === 'containerd') {
    if (lacking.length > 0) throw new Error(`--runtime containerd needs ${lacking.join(', ')}`);
    return { name: 'containerd' };
  }
  if (lacking.length > 0)
    return {
      name: 'simulated',
      hint: `pods are simulated; for real containers: ${lacking.join(', ')} and --runtime containerd`,
    };
  return { name: 'containerd', hint: 'pods run in containerd; for simulated ones: --runtime simulated' };
}

function missing(): string[] {
  const binaries = NEEDED.filter((name) => !PATHS.some((dir) => isExecutable(`${dir}/${name}`)));
  return [...(process.getuid?.() === 0 ? [] : ['root']), ...binaries];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
