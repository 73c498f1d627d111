/**
 * What a simulated container would do, read off its command: `sleep 5; exit 1`, `echo hello`, `true`, `sh -c "..."`. A command that
 * is not understood runs for ever, unless the pod is meant to finish. Pure.
 */
import type { ContainerConfig } from '../container-runtime.ts';

export interface Program {
  /** Ms until it ends by itself; undefined: it runs until stopped. */
  duration: number | undefined;
  exitCode: number;
  /** Its command was understood. */
  isScript: boolean;
  /** What it prints, and when (ms after the start). */
  output: { at: number; line: string }[];
}

/** A pod that is to finish and whose command tells nothing takes this long, ms. */
const DEFAULT_RUN = 1000;

export function programOf(config: ContainerConfig): Program {
  const words = [...config.command, ...config.args];
  const parsed = words.length === 0 ? ofImage(config.image) : parseCommand(words);
  if (parsed !== undefined) return parsed;
  const finishes =
    config.isInit || (config.restartPolicy !== 'Always' && (words.length > 0 || config.ownerKind === 'Job'));
  return { duration: finishes ? DEFAULT_RUN : undefined, exitCode: 0, isScript: false, output: [] };
}

/** The one image whose program everybody knows: it waits for a signal. */
function ofImage(image: string): Program | undefined {
  const name = image.slice(image.lastIndexOf('/') + 1).replace(/[:@].*$/, '');
  return name === 'pause' ? run([{ joint: ';', words: ['pause'] }]) : undefined;
}

function parseCommand(words: readonly string[]): Program | undefined {
  const [first = '', ...rest] = words;
  const name = first.slice(first.lastIndexOf('/') + 1);
  const isShell = ['sh', 'bash', 'ash'].includes(name) && /^-[a-z]*c$/.test(rest[0] ?? '');
  if (isShell) return parseScript(rest[1] ?? '');
  return run([{ joint: ';', words: [name, ...rest] }]);
}

interface Statement {
  /** What divides it from the one before. */
  joint: ';' | '&&' | '||';
  words: string[];
}

/** Statements divided by `;`, `&&`, `||` or line ends; nothing with variables, loops, pipes or substitutions. */
function parseScript(script: string): Program | undefined {
  if (/[`$(){}]|\b(while|for|if|do|then)\b|(^|[^|])\|($|[^|])/.test(script)) return undefined;
  const statements: Statement[] = [];
  let joint: Statement['joint'] = ';';
  for (const part of script.split(/(;|&&|\|\||\n)/)) {
    if (part === '&&' || part === '||') joint = part;
    else if (part === ';' || part === '\n') joint = ';';
    else {
      const words = split(part.trim().replace(/\s*[0-9]?>+\s*\S+/g, ''));
      if (words.length === 0 || words[0]?.startsWith('#')) continue;
      statements.push({ joint, words });
    }
  }
  return run(statements);
}

/** Words as a shell sees them: quotes hold them together. */
function split(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

function run(statements: readonly Statement[]): Program | undefined {
  const program: Program = { duration: 0, exitCode: 0, isScript: true, output: [] };
  for (const { joint, words } of statements) {
    if ((joint === '&&' && program.exitCode !== 0) || (joint === '||' && program.exitCode === 0)) continue;
    const isLast = words[0] === 'exec';
    const [name = '', ...args] = isLast ? words.slice(1) : words;
    const at = program.duration ?? 0;
    program.exitCode = 0;
    switch (name) {
      case 'sleep': {
        const ms = sleepTime(args[0] ?? '');
        if (ms === undefined) return { ...program, duration: undefined };
        program.duration = at + ms;
        break;
      }
      case 'echo':
        program.output.push({ at, line: args.filter((a) => !/^-[ne]+$/.test(a)).join(' ') });
        break;
      case 'exit':
        return { ...program, exitCode: Number(args[0] ?? 0) & 255 };
      case 'pause':
        return { ...program, duration: undefined };
      case 'true':
      case ':':
        break;
      case 'false':
        program.exitCode = 1;
        break;
      default:
        return undefined;
    }
    if (isLast) break;
  }
  return program;
}

/** `3600`, `1m`, `infinity` (undefined). */
function sleepTime(text: string): number | undefined {
  const m = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (m === null) return undefined;
  return Number(m[1]) * 1000 * { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[m[2] as '' | 's' | 'm' | 'h' | 'd'];
}
