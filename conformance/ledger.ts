/**
 * The ledger of the conformance suite: one row a test, its class and how it last went. Read and written by run.ts;
 * rows keep the suite's order and are never added or dropped by a run.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export type State = 'passed' | 'failed' | 'not-run';

export interface LedgerRow {
  /** The spec's full name, as the suite prints it. */
  readonly codename: string;
  /** What it needs: an API server only, workloads, or kubectl. */
  readonly class: string;
  readonly state: State;
  /** Day of the last run (YYYY-MM-DD), empty when never run. */
  readonly date: string;
  /** What it ran against, in a few words. */
  readonly how: string;
}

const HEAD = ['codename', 'class', 'state', 'date', 'how'] as const;

/** Rows of the ledger's text. Throws on a line of another shape: a damaged ledger is not silently rewritten. */
export function parseLedger(text: string): LedgerRow[] {
  const [head, ...lines] = text.replace(/\n$/, '').split('\n');
  if (head !== HEAD.join('\t')) throw new Error(`the ledger begins with ${JSON.stringify(head)}`);
  return lines.map((line) => {
    const [codename, klass, state, date, how, ...rest] = line.split('\t');
    if (codename === undefined || klass === undefined || how === undefined || rest.length > 0) {
      throw new Error(`not a row of the ledger: ${line}`);
    }
    if (state !== 'passed' && state !== 'failed' && state !== 'not-run') throw new Error(`not a state: ${state}`);
    return { codename, class: klass, state, date: date ?? '', how };
  });
}

export function formatLedger(rows: readonly LedgerRow[]): string {
  return `${[HEAD.join('\t'), ...rows.map((r) => [r.codename, r.class, r.state, r.date, r.how].join('\t'))].join('\n')}\n`;
}

/** The rows with the outcomes of a run written in; outcomes of specs the ledger does not hold are left out. */
export function withOutcomes(
  rows: readonly LedgerRow[],
  outcomes: ReadonlyMap<string, 'passed' | 'failed'>,
  run: { date: string; how: string },
): LedgerRow[] {
  return rows.map((row) => {
    const state = outcomes.get(row.codename);
    return state === undefined ? row : { ...row, state, date: run.date, how: run.how };
  });
}

/** `sig-apps` of `[sig-apps] Job should ...`. */
export function sigOf(codename: string): string {
  return /^\[(sig-[a-z-]+)\]/.exec(codename)?.[1] ?? 'none';
}

/** Counts by SIG, one line each and a total, as printed after a run. */
export function summary(rows: readonly LedgerRow[]): string {
  const sigs = [...new Set(rows.map((r) => sigOf(r.codename)))].sort();
  const line = (name: string, of: readonly LedgerRow[]): string => {
    const count = (state: State): string => String(of.filter((r) => r.state === state).length).padStart(8);
    return `${name.padEnd(22)}${count('passed')}${count('failed')}${count('not-run')}`;
  };
  const title = `${''.padEnd(22)}${['passed', 'failed', 'not-run'].map((s) => s.padStart(8)).join('')}`;
  return [
    title,
    ...sigs.map((s) =>
      line(
        s,
        rows.filter((r) => sigOf(r.codename) === s),
      ),
    ),
    line('all', rows),
  ].join('\n');
}

export const readLedger = (path: string): LedgerRow[] => parseLedger(readFileSync(path, 'utf8'));

export const writeLedger = (path: string, rows: readonly LedgerRow[]): void => writeFileSync(path, formatLedger(rows));
