/** The admission chain: which plugins run, in the order of a real API server (kubeapiserver/options/plugins.go). */
import type { AdmissionPlugin } from './plugin.ts';

export type { AdmissionContext, AdmissionPlugin, AdmissionReader } from './plugin.ts';

/** In running order; the server calls every `admit`, and after validation every `validate`. */
export const admissionPlugins: readonly AdmissionPlugin[] = [];
