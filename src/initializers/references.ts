import type { ModuleReference } from '../runtime/index.js';

/** What the stock initializers may be told. */
export interface StockInitializerOptions {
  /** Alternations of ALS. */
  readonly alsSteps: number;
  /** Alternations of LoftQ. */
  readonly loftqSteps: number;
  /** Seed of the baseline's random factor. */
  readonly seed: number;
  /** What peft multiplies the product of the factors by; the baseline's random factor is peft's own draw. */
  readonly scaling: number;
}

const reference = (file: string, name: string, options: unknown): ModuleReference => ({
  url: new URL(file, import.meta.url).href,
  name,
  options,
});

/** Stock initializers by name, as references that workers import. */
export const stockInitializers = (
  options: StockInitializerOptions,
): Record<'exact' | 'als' | 'svd' | 'loftq' | 'zero', ModuleReference> => ({
  exact: reference('./exact.js', 'exact', {}),
  als: reference('./als.js', 'als', { steps: options.alsSteps }),
  svd: reference('./svd.js', 'svd', {}),
  loftq: reference('./loftq.js', 'loftq', { steps: options.loftqSteps }),
  zero: reference('./zero.js', 'zero', { seed: options.seed, scaling: options.scaling }),
});
