import type { ModuleReference } from '../runtime/index.js';

/** Stock quantizers by name, as references that workers import. */
export const QUANTIZERS = {
  nf4: { url: new URL('./nf4.js', import.meta.url).href, name: 'nf4' },
  int8: { url: new URL('./int8.js', import.meta.url).href, name: 'int8' },
} as const satisfies Record<string, ModuleReference>;
