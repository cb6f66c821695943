import type { LinearLayer } from '../models/index.js';
import { QuailoraError, isFloatDType } from '../foundation/index.js';
import type { SourceModel } from './open-source-model.js';
import type { WeightShard } from './shard.js';

/** The routed experts of a model, and what shall be done with them. */
export interface ExpertPlan {
  /** Matrices of all experts. */
  readonly matrices: number;
  /** Weights in them. */
  readonly parameters: number;
  /** Those as a part of all weights of the checkpoint. */
  readonly share: number;
  /** Linear layers that are quantized and not corrected, because peft takes their names for those of experts. */
  readonly unadaptable: number;
  /** True where experts are quantized and corrected too, false where they stay in full precision. */
  readonly asked: boolean;
  /** The matrices that get factors, by block; none unless asked. */
  readonly shards: readonly (readonly WeightShard[])[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/**
 * Plans what is done with the routed experts.
 *
 * @param corrects tells which layers get factors
 * @returns undefined for a model without experts
 * @throws QuailoraError QL_EXPERTS when experts shall be corrected and the model has none; retrying does not help
 */
export const planExperts = (
  { checkpoint, model }: Pick<SourceModel, 'checkpoint' | 'model'>,
  asked: boolean,
  corrects: (layer: LinearLayer) => boolean,
): ExpertPlan | undefined => {
  const blocks = Array.from({ length: model.blocks }, (_, block) => model.mixture?.(block)?.matrices ?? []);
  const matrices = blocks.flat();
  if (matrices.length === 0) {
    if (!asked) return undefined;
    throw new QuailoraError('QL_EXPERTS', `--experts: ${model.modelType} models have no routed experts. Leave it out.`);
  }
  const linears = Array.from({ length: model.blocks }, (_, block) => model.linears(block)).flat();
  const unadaptable = linears.filter(({ adaptable }) => adaptable === false).length;
  const parameters = matrices.reduce((sum, { layer }) => sum + layer.outFeatures * layer.inFeatures, 0);
  const all = [...checkpoint.tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const shardsOf = (block: number): WeightShard[] =>
    blocks[block]!.flatMap(({ layer, location }): WeightShard[] => {
      const { dtype } = location;
      return corrects(layer) && isFloatDType(dtype) ? [{ block, layer, location, dtype, ofExpert: true }] : [];
    });
  return {
    ...{ matrices: matrices.length, parameters, share: parameters / all, unadaptable, asked },
    shards: blocks.map((_, block) => (asked ? shardsOf(block) : [])),
  };
};
