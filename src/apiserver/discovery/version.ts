/** What /version answers and every component calls its version. */
const MAJOR = '1';
const MINOR = '36';
export const GIT_VERSION = 'v1.36.2+keelson';

/** version.Info; the Go fields are required by its schema and name this runtime instead. */
export function versionInfo(): Record<string, string> {
  return {
    major: MAJOR,
    minor: MINOR,
    emulationMajor: MAJOR,
    emulationMinor: MINOR,
    minCompatibilityMajor: MAJOR,
    minCompatibilityMinor: String(Number(MINOR) - 1),
    gitVersion: GIT_VERSION,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node${process.versions.node}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
