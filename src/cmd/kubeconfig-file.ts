/**
 * Whether `keelson up` may write its kubeconfig to a file: not over anything that it has not written itself, such as the one
 * with the user's other clusters.
 */
import { readFileSync, statSync } from 'node:fs';
import { load } from 'js-yaml';
import { cannotUse } from './plain-error.ts';
import { CommandError } from './usage-error.ts';

/** @throws CommandError */
export function checkKubeconfigFile(file: string): void {
  const what = `kubeconfig ${file}`;
  let text: string;
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) throw new CommandError(`cannot use ${what}: it is a directory`);
    text = readFileSync(file, 'utf8');
  } catch (err) {
    if (err instanceof CommandError) throw err;
    throw cannotUse(what, err);
  }
  if (text.trim() !== '' && !isOurs(text))
    throw new CommandError(`${what} holds something else and would be lost; choose another file`);
}

function isOurs(text: string): boolean {
  try {
    const config = load(text) as { kind?: unknown; clusters?: { name?: unknown }[] } | null;
    return config?.kind === 'Config' && (config.clusters ?? []).every((c) => c.name === 'keelson');
  } catch {
    return false;
  }
}
