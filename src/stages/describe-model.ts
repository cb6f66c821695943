import type { Checkpoint } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import type { ExpertMatrix, LinearLayer } from '../models/index.js';
import {
  chooseStatistics,
  explainStatistic,
  type ActivationShape,
  type BlockShape,
  type ExpertShape,
  type MatrixShape,
  type ModelShape,
  type StatisticChoice,
  type SumShape,
} from '../planning/index.js';
import type { CorrectionPlan } from './correction-plan.js';
import { chooseRoutedStatistics } from './expert-statistics.js';
import type { SourceModel } from './open-source-model.js';

/** Names of the number of attention heads in config.json, by family. */
const HEAD_KEYS = ['num_attention_heads', 'n_head'] as const;

const lastName = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The family has opened the model, so one of the names is there, or its default of one head for each 64 features. */
const headsOf = ({ checkpoint, model }: SourceModel): number => {
  const value = HEAD_KEYS.map((key) => checkpoint.config[key]).find((count) => typeof count === 'number');
  return typeof value === 'number' ? value : Math.ceil(model.hiddenSize / 64);
};

/** Beginning that all names share, up to a dot: the block's own. */
const sharedPrefix = (names: readonly string[]): string => {
  const parts = names.map((name) => name.split('.'));
  const first = parts[0] ?? [];
  const differs = first.findIndex((part, i) => parts.some((other) => other[i] !== part));
  return `${first.slice(0, differs < 0 ? -1 : differs).join('.')}.`;
};

/** Values of all tensors of each block, and of the largest one, by the block's prefix. */
const tensorsByBlock = (checkpoint: Checkpoint, prefixes: readonly string[]): Map<string, { values: number; largest: number }> => {
  const found = new Map(prefixes.map((prefix) => [prefix, { values: 0, largest: 0 }]));
  for (const [name, { shape }] of checkpoint.tensors)
    for (let end = name.indexOf('.'); end > 0; end = name.indexOf('.', end + 1)) {
      const block = found.get(name.slice(0, end + 1));
      if (!block) continue;
      block.values += sizeOf(shape);
      block.largest = Math.max(block.largest, sizeOf(shape));
    }
  return found;
};

/** Descriptions of a block's activations, matrices and sums. */
type Parts = Pick<BlockShape, 'matrices' | 'activations' | 'sums'>;

const storedBytes = (checkpoint: Checkpoint, layer: LinearLayer): number => {
  const dtype = checkpoint.tensors.get(`${layer.module}.weight`)?.dtype;
  return dtype !== undefined && isFloatDType(dtype) && dtype !== 'F32' ? 2 : 4;
};

const denseParts = ({ checkpoint, model }: SourceModel, plan: CorrectionPlan, block: number, acceptsG: boolean): Parts => {
  const layers = model.linears(block);
  return {
    matrices: layers.map((layer): MatrixShape => {
      const { outFeatures, inFeatures, input, module } = layer;
      const shape = { name: lastName(module), outFeatures, inFeatures, input, storedBytes: storedBytes(checkpoint, layer) };
      return { ...shape, quantized: true, corrected: plan.corrects(layer), copies: 1, tokenShare: 1 };
    }),
    activations: model.inputs(block).map(({ name, width }): ActivationShape => ({ name, width, rowsPerToken: 1 })),
    sums: chooseStatistics(model, block, (layer) => plan.corrects(layer), acceptsG).map((choice) =>
      sumShape(
        choice,
        layers.filter((layer) => plan.corrects(layer) && layer.input === choice.input),
        acceptsG,
      ),
    ),
  };
};

const sumShape = ({ input, width, kind, layer }: StatisticChoice, readers: readonly LinearLayer[], acceptsG: boolean): SumShape => {
  const out = readers[0]!.outFeatures;
  const names = readers.map(({ module }) => lastName(module));
  const reason = explainStatistic({ kind, width }, names, out, acceptsG);
  return { input, width, kind, reason, size: layer && kind === 'G' ? layer.outFeatures : width, copies: 1, tokenShare: 1, heldOut: true };
};

/** One of a mixture's matrices for all experts: they are alike. */
const expertShape = (matrices: readonly ExpertMatrix[], corrected: boolean, tokenShare: number): MatrixShape => {
  const { layer, activation, location } = matrices[0]!;
  const { outFeatures, inFeatures, module } = layer;
  const stored = location.length / sizeOf(location.shape);
  return {
    ...{ name: lastName(module), outFeatures, inFeatures, input: activation, storedBytes: stored },
    ...{ quantized: false, corrected, copies: matrices.length, tokenShare },
  };
};

const mixtureParts = (source: SourceModel, plan: CorrectionPlan, block: number, acceptsG: boolean): Parts => {
  const { model } = source;
  const mixture = model.mixture?.(block);
  if (!mixture) return { matrices: [], activations: [], sums: [] };
  const corrected = (plan.experts?.shards[block] ?? []).map(({ layer }) => layer);
  const share = mixture.expertsPerToken / mixture.experts;
  const byName = groupBy(mixture.matrices, ({ layer }) => lastName(layer.module));
  const matrices = [...byName.values()].map((alike) => expertShape(alike, corrected.includes(alike[0]!.layer), share));
  return {
    matrices,
    activations: mixture.inputs.map(({ name, width }): ActivationShape => ({ name, width, rowsPerToken: mixture.expertsPerToken })),
    sums: routedSums(source, corrected, block, acceptsG, share),
  };
};

/** Items by a key, in their order. */
const groupBy = <T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
};

const routedSums = (
  { model }: SourceModel,
  corrected: readonly LinearLayer[],
  block: number,
  acceptsG: boolean,
  tokenShare: number,
): SumShape[] => {
  const choices = chooseRoutedStatistics(model, block, corrected, acceptsG, []);
  const alike = groupBy(choices, ({ rows, kind }) => `${rows.activation} ${rows.expert === 'all' ? 'all' : 'own'} ${kind}`);
  return [...alike.values()].map((group): SumShape => {
    const choice = group[0]!;
    if (choice.rows.expert === 'all') {
      const reason = "Experts with too few tokens take the sum over all experts, which their G's do not add up to.";
      return { input: choice.input, width: choice.width, kind: 'H', size: choice.width, reason, copies: 1, tokenShare: 1, heldOut: false };
    }
    const readers = corrected.filter(({ input }) => input === choice.input);
    return { ...sumShape(choice, readers, acceptsG), input: choice.rows.activation, copies: group.length, tokenShare };
  });
};

/** Names of the experts' matrices with * for each number. */
const expertPatterns = ({ model }: SourceModel): string[] => {
  const names = Array.from({ length: model.blocks }, (_, block) => model.mixture?.(block)?.matrices ?? []).flat();
  return [...new Set(names.map(({ layer }) => layer.module.replace(/\b\d+\b/g, '*')))];
};

const describeExperts = (source: SourceModel, { experts }: CorrectionPlan): ExpertShape | undefined =>
  experts && {
    names: expertPatterns(source),
    ...{ matrices: experts.matrices, values: experts.parameters, share: experts.share, corrected: experts.asked },
  };

/** Takes the sizes that a plan follows from out of an opened model; blocks that are alike become one kind. */
export const describeModel = (source: SourceModel, plan: CorrectionPlan, acceptsG: boolean): ModelShape => {
  const { checkpoint, model } = source;
  const blocks = Array.from({ length: model.blocks }, (_, block) => block);
  const prefixes = blocks.map((block) => sharedPrefix(model.linears(block).map(({ module }) => module)));
  const tensors = tensorsByBlock(checkpoint, prefixes);
  const heads = headsOf(source);
  const kinds = new Map<string, BlockShape>();
  for (const block of blocks) {
    const [dense, mixture] = [denseParts, mixtureParts].map((parts) => parts(source, plan, block, acceptsG)) as [Parts, Parts];
    const matrices = [...dense.matrices, ...mixture.matrices];
    const held = matrices.reduce((sum, { copies, outFeatures, inFeatures }) => sum + copies * outFeatures * inFeatures, 0);
    const { values, largest } = tensors.get(prefixes[block]!)!;
    const shape = {
      ...{ matrices, activations: [...dense.activations, ...mixture.activations], sums: [...dense.sums, ...mixture.sums] },
      ...{ otherValues: Math.max(0, values - held), largestTensorValues: largest, heads },
    };
    const key = JSON.stringify(shape);
    const known = kinds.get(key);
    const kind = known?.kind ?? nameKind(mixture.matrices.length > 0 ? 'mixture' : 'dense', [...kinds.values()]);
    kinds.set(key, { ...shape, kind, blocks: [...(known?.blocks ?? []), block] });
  }
  const quantized = new Set(plan.linears.map((module) => `${module}.weight`));
  return {
    ...{ modelType: model.modelType, hiddenSize: model.hiddenSize, blockCount: model.blocks, vocabularySize: model.vocabularySize },
    blocks: [...kinds.values()],
    plainBytes: [...checkpoint.tensors].reduce((sum, [name, { length }]) => sum + (quantized.has(name) ? 0 : length), 0),
    experts: describeExperts(source, plan),
  };
};

const nameKind = (name: string, known: readonly BlockShape[]): string => {
  const alike = known.filter(({ kind }) => kind.split(' ')[0] === name).length;
  return alike === 0 ? name : `${name} ${alike + 1}`;
};
