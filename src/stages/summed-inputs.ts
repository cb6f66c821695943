import type { Segment, SummedInput } from '../calibration/index.js';
import { rowMajor } from '../foundation/index.js';
import { chooseStatistics } from '../planning/index.js';
import type { CausalModel } from '../models/index.js';
import { isModuleReference } from '../runtime/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import { chooseRoutedStatistics } from './expert-statistics.js';
import type { QuantizedShard, WeightShard } from './shard.js';

/**
 * Says what is summed while a block is passed.
 *
 * A G needs E before calibration: that one layer is quantized by each worker, and again when its factors are chosen, so
 * that only E stays in memory meanwhile.
 *
 * @param segments those of the run, calibration first
 * @param quantize reads and quantizes one shard; left out for a block that is only passed: nothing is summed then, and the block's
 * graph, which decides the last bits of what leaves it, is the same
 */
export const summedInputs = async (
  model: CausalModel,
  plan: CorrectionPlan,
  block: number,
  acceptsG: boolean,
  segments: readonly Segment[],
  quantize: ((shard: WeightShard) => Promise<QuantizedShard>) | undefined,
): Promise<SummedInput[]> => {
  const experts = plan.experts?.shards[block] ?? [];
  const routed = chooseRoutedStatistics(
    model,
    block,
    experts.map(({ layer }) => layer),
    acceptsG,
    segments,
  );
  const choices = [...chooseStatistics(model, block, (candidate) => plan.corrects(candidate), acceptsG), ...routed];
  const shards = new Map([...plan.shards[block]!, ...experts].map((shard) => [shard.layer.module, shard]));
  if (!quantize) return choices.map(({ kind: _kind, layer: _layer, ...choice }) => ({ ...choice, segments: 0, residual: undefined }));
  const sums: SummedInput[] = [];
  for (const { kind, layer, ...choice } of choices) {
    const shard = layer && kind === 'G' ? shards.get(layer.module)! : undefined;
    sums.push({ ...choice, residual: shard && (residualFor(shard, plan) ?? sharedResidual(await quantize(shard))) });
  }
  return sums;
};

/** Lets each worker make E, which spares a shared copy; undefined where the quantizer works on the main thread, or the residuals are many. */
const residualFor = ({ layer, location, dtype, ofExpert }: WeightShard, { quantizer }: CorrectionPlan): SummedInput['residual'] =>
  isModuleReference(quantizer.placed) && !ofExpert
    ? { rows: layer.outFeatures, of: { location, quantizer: quantizer.placed, options: { module: layer.module, dtype } } }
    : undefined;

/** E over shared memory. */
const sharedResidual = ({ E }: QuantizedShard): SummedInput['residual'] => {
  const shared = new Float32Array(new SharedArrayBuffer(4 * E.size));
  shared.set(rowMajor(E));
  return { E: shared, rows: E.shape[0]! };
};
