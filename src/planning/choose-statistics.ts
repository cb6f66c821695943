import type { BlockInput, CausalModel, LinearLayer } from '../models/index.js';

/** One activation of a block, and the sum that is kept of it. */
export interface StatisticChoice {
  readonly input: string;
  /** Features of one token. */
  readonly width: number;
  /** `H` [width, width] serves every layer that reads the input; `G` [out, out] serves the one layer given. */
  readonly kind: 'H' | 'G';
  /** The layer whose residual a G goes through. */
  readonly layer: LinearLayer | undefined;
}

/**
 * Chooses the sum of one activation for the corrected layers that read it.
 *
 * H where several layers read the input, or where the output is no narrower than the input. G where a single, narrowing
 * layer reads it (down projections): [out, out] is smaller than [in, in], and no [in, in] object is ever held.
 *
 * @param acceptsG as in `chooseStatistics`
 * @returns undefined where nothing reads it
 */
export const chooseStatistic = (
  { name, width }: BlockInput,
  readers: readonly LinearLayer[],
  acceptsG: boolean,
): StatisticChoice | undefined => {
  const [only] = readers;
  if (!only) return undefined;
  if (acceptsG && readers.length === 1 && only.outFeatures < width) return { input: name, width, kind: 'G', layer: only };
  return { input: name, width, kind: 'H', layer: undefined };
};

/**
 * Chooses for each activation that a corrected layer reads which sum is kept, as `chooseStatistic`.
 *
 * @param corrected tells which layers get a correction
 * @param acceptsG false where an H is needed: for an initializer that chooses its own Q, for several at once, for one
 *   whose factors are not a projection of E
 */
export const chooseStatistics = (
  model: CausalModel,
  block: number,
  corrected: (layer: LinearLayer) => boolean,
  acceptsG: boolean,
): StatisticChoice[] => {
  const layers = model.linears(block).filter(corrected);
  return model.inputs(block).flatMap((input) => {
    const readers = layers.filter((layer) => layer.input === input.name);
    return chooseStatistic(input, readers, acceptsG) ?? [];
  });
};
