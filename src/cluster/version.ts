/** The Kubernetes version this cluster is. */
import { GIT_VERSION } from '../apiserver/discovery/version.ts';

export const KUBERNETES_VERSION = GIT_VERSION;
