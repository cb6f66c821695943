import { QuailoraError, type FloatDType } from '../foundation/index.js';
import { stockInitializers, type Initializer } from '../initializers/index.js';
import type { CausalModel, LinearLayer } from '../models/index.js';
import { QUANTIZERS, type Quantizer } from '../quantizers/index.js';
import { loraScaling } from '../exporters/index.js';
import { planExperts, type ExpertPlan } from './expert-plan.js';
import type { CorrectionChoice, ExpertChoice, InitializeJob, InitializerName } from './jobs.js';
import type { ModuleReference } from '../runtime/index.js';
import { weightShard, type SourceModel } from './open-source-model.js';
import { resolvePlaced, type Placed } from './placed.js';
import type { WeightShard } from './shard.js';

/** Every linear layer of a model, and what shall be done with each. */
export interface CorrectionPlan {
  /** Shards of every linear layer, by block. */
  readonly shards: readonly (readonly WeightShard[])[];
  /** True for layers that get factors. */
  corrects(layer: LinearLayer): boolean;
  /** Full names of the layers that get factors, in the order of the model. */
  readonly corrected: readonly string[];
  /** Full names of every linear layer of the blocks. */
  readonly linears: readonly string[];
  /** The routed experts; undefined for a model without any. */
  readonly experts: ExpertPlan | undefined;
  /** Columns of each correction. */
  readonly rank: number;
  /** Type of the weights, which decides the rounding of Q. */
  readonly dtype: FloatDType;
  readonly quantizer: { readonly placed: Placed<Quantizer>; readonly self: Quantizer };
  /** What PEFT multiplies the product of the factors by. */
  readonly scaling: number;
}

/** Stock quantizer for a number of bits. */
export const stockQuantizer = (bits: CorrectionChoice['bits']): ModuleReference => (bits === 4 ? QUANTIZERS.nf4 : QUANTIZERS.int8);

/** Stock initializer by name, as the job's options set it. */
export const stockInitializer = (name: InitializerName, job: CorrectionChoice & { readonly seed: number }): ModuleReference =>
  stockInitializers({ alsSteps: job.alsSteps, loftqSteps: job.loftqSteps, seed: job.seed, scaling: scalingOf(job) })[name];

const scalingOf = ({ rank, alpha, rslora }: CorrectionChoice): number => loraScaling({ rank, alpha, useRslora: rslora });

const blocksOf = ({ blocks }: CausalModel): number[] => Array.from({ length: blocks }, (_, block) => block);

/** What a module is in every block: the last part of its name. */
export const moduleKind = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

const checkModuleNames = (modules: CorrectionChoice['modules'], linears: readonly LinearLayer[]): void => {
  if (modules === 'all-linear') return;
  const known = new Set(linears.map(({ module }) => moduleKind(module)));
  const unknown = modules.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new QuailoraError(
      'QL_MODULES',
      `--modules: the model has no linear layer that peft can adapt named ${unknown.join(', ')}; it has ${[...known].join(', ')}.`,
    );
};

/**
 * Plans what is done with each linear layer.
 *
 * @throws QuailoraError QL_MODULES for a name in `modules` that no layer has, QL_EXPERTS as `planExperts`; retrying does not help
 */
export const planCorrection = async (
  source: SourceModel,
  job: CorrectionChoice & ExpertChoice,
  quantizer: Placed<Quantizer> = stockQuantizer(job.bits),
): Promise<CorrectionPlan> => {
  const { checkpoint, model } = source;
  const shards = blocksOf(model).map((block) => model.linears(block).map((layer) => weightShard(checkpoint, block, layer)));
  const layers = shards.flat().map(({ layer }) => layer);
  const adaptable = layers.filter((layer) => layer.adaptable !== false);
  const corrects = ({ module, adaptable = true }: LinearLayer): boolean =>
    adaptable && (job.modules === 'all-linear' || job.modules.includes(moduleKind(module)));
  const experts = planExperts(source, job.experts ?? false, corrects);
  const named = job.experts ? blocksOf(model).flatMap((block) => model.mixture?.(block)?.matrices ?? []) : [];
  checkModuleNames(job.modules, [...adaptable, ...named.map(({ layer }) => layer)]);
  if (!layers.some(corrects))
    throw new QuailoraError(
      'QL_MODULES',
      '--modules names matrices of experts only, so the adapter would be empty, which peft refuses. Name a layer of the attention too.',
    );
  return {
    shards,
    experts,
    rank: job.rank,
    corrects,
    corrected: layers.filter(corrects).map(({ module }) => module),
    linears: layers.map(({ module }) => module),
    dtype: shards[0]![0]!.dtype,
    quantizer: { placed: quantizer, self: await resolvePlaced(quantizer) },
    scaling: scalingOf(job),
  };
};

/** True when an initializer can do with a G. */
export const acceptsG = (initializer: Initializer): boolean => initializer.projectsResidual && !initializer.requantizes;

/** True where a run sums a G for what no other layer reads; one that keeps every H does not. */
export const sumsG = (initializer: Initializer, { keepStatistics }: Pick<InitializeJob, 'keepStatistics'>): boolean =>
  keepStatistics !== 'all-h' && acceptsG(initializer);

/** True when an initializer reads W and Q, so that they have to be held beside E. */
export const keepsWeights = ({ usesWeights = true }: Initializer): boolean => usesWeights;

/** Names of the stock initializers, the paper's baseline first. */
export const COMPARED_INITIALIZERS = ['zero', 'svd', 'loftq', 'als', 'exact'] as const satisfies readonly InitializerName[];
