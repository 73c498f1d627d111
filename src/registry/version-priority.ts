/** Order of API versions by stability and number: v10 > v2 > v1 > v2beta1 > v1beta2 > v1alpha1 > anything else by name. */
// Upstream: staging/src/k8s.io/apimachinery/pkg/version/helpers.go CompareKubeAwareVersionStrings

const PATTERN = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** Positive when `a` comes before `b` in discovery (is the newer, more stable one). */
export function compareVersions(a: string, b: string): number {
  const x = PATTERN.exec(a);
  const y = PATTERN.exec(b);
  if (x === null || y === null) {
    if (x !== null) return 1;
    if (y !== null) return -1;
    // Unversioned names: alphabetical, the smaller first.
    return a < b ? 1 : a > b ? -1 : 0;
  }
  return stability(x[2]) - stability(y[2]) || Number(x[1]) - Number(y[1]) || Number(x[3] ?? 0) - Number(y[3] ?? 0);
}

function stability(word: string | undefined): number {
  return word === undefined ? 2 : word === 'beta' ? 1 : 0;
}
