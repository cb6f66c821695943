import type { SummedInput } from '../calibration/index.js';
import { rowMajor } from '../foundation/index.js';
import { chooseStatistics } from '../planning/index.js';
import type { CausalModel } from '../models/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import type { QuantizedShard, WeightShard } from './shard.js';

/**
 * Says what is summed while a block is passed.
 *
 * A G needs E before calibration: that one layer is quantized here, and again when its factors are chosen, so that
 * only E stays in memory meanwhile.
 *
 * @param quantize reads and quantizes one shard
 */
export const summedInputs = async (
  model: CausalModel,
  plan: CorrectionPlan,
  block: number,
  acceptsG: boolean,
  quantize: (shard: WeightShard) => Promise<QuantizedShard>,
): Promise<SummedInput[]> => {
  const sums: SummedInput[] = [];
  for (const { input, width, layer } of chooseStatistics(model, block, (candidate) => plan.corrects(candidate), acceptsG)) {
    const shard = layer && plan.shards[block]!.find((candidate) => candidate.layer.module === layer.module);
    if (!shard) {
      sums.push({ input, width, residual: undefined });
      continue;
    }
    const { E } = await quantize(shard);
    const shared = new Float32Array(new SharedArrayBuffer(4 * E.shape[0]! * E.shape[1]!));
    shared.set(rowMajor(E));
    sums.push({ input, width, residual: { E: shared, rows: E.shape[0]! } });
  }
  return sums;
};
