/**
 * What a namespace's labels demand of its pods: a level and a version each for enforce, audit and warn.
 * Upstream: pod-security-admission/api/helpers.go
 */
import { type FieldError, invalidField } from '../../machinery/validation/field-error.ts';

const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];

export interface LevelVersion {
  level: Level;
  /** Of Kubernetes v1.x; undefined: latest. */
  minor: number | undefined;
}

export interface PodSecurityPolicy {
  enforce: LevelVersion;
  audit: LevelVersion;
  warn: LevelVersion;
}

const PREFIX = 'pod-security.kubernetes.io/';
export const ENFORCE_ANNOTATION = `${PREFIX}enforce-policy`;
export const AUDIT_ANNOTATION = `${PREFIX}audit-violations`;
export const ERROR_ANNOTATION = `${PREFIX}error`;

/** `baseline:v1.30`, `restricted:latest` */
export function levelText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === undefined ? 'latest' : `v1.${minor}`}`;
}

/** Below, equal or above zero. */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

export function policyOf(labels: Record<string, string> | undefined): {
  policy: PodSecurityPolicy;
  errors: FieldError[];
} {
  const errors: FieldError[] = [];
  const read = (mode: string) => {
    const level = labels?.[PREFIX + mode];
    const version = labels?.[`${PREFIX}${mode}-version`];
    return {
      isSet: level !== undefined && isLevel(level),
      hasLevel: level !== undefined,
      hasVersion: version !== undefined,
      value: {
        level: level === undefined ? 'privileged' : parseLevel(level, mode, errors),
        minor: version === undefined ? undefined : parseVersion(version, mode, errors),
      } as LevelVersion,
    };
  };
  const [enforce, audit, warn] = [read('enforce'), read('audit'), read('warn')];
  // Whoever enforces a level is also told of it at once in the templates of controllers.
  if (enforce.isSet && !warn.hasLevel && compareLevels(enforce.value.level, warn.value.level) > 0)
    warn.value = { level: enforce.value.level, minor: warn.hasVersion ? warn.value.minor : enforce.value.minor };
  return { policy: { enforce: enforce.value, audit: audit.value, warn: warn.value }, errors };
}

function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

/** A level nobody knows counts as the strictest. */
function parseLevel(text: string, mode: string, errors: FieldError[]): Level {
  if (isLevel(text)) return text;
  errors.push(invalidField(`metadata.labels[${PREFIX}${mode}]`, text, `must be one of ${LEVELS.join(', ')}`));
  return 'restricted';
}

function parseVersion(text: string, mode: string, errors: FieldError[]): number | undefined {
  if (text === 'latest') return undefined;
  const match = /^v1\.([0-9]|[1-9][0-9]*)$/.exec(text);
  if (match) return Number(match[1]);
  errors.push(invalidField(`metadata.labels[${PREFIX}${mode}-version]`, text, 'must be "latest" or "v1.x"'));
  return undefined;
}
