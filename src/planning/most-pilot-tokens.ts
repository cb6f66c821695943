import type { CausalModel } from '../models/index.js';

/** Fewest tokens that a choice is made from, so that a tenth of them is enough to check with. */
const LEAST_CONSIDERED = 65_536;

/** SmolLM2-135M, whose widest layer reads 1,536 features, came within 1 % of the limit at about 20 tokens for each of them. */
const TOKENS_PER_FEATURE = 16;

/** Most calibration tokens that are worth considering for a model: a power of two, at least 65,536. */
export const mostPilotTokens = (model: Pick<CausalModel, 'blocks' | 'linears'>): number => {
  let widest = 1;
  for (let block = 0; block < model.blocks; block++)
    for (const { inFeatures } of model.linears(block)) widest = Math.max(widest, inFeatures);
  return Math.max(LEAST_CONSIDERED, 2 ** Math.ceil(Math.log2(TOKENS_PER_FEATURE * widest)));
};
