import type { Checkpoint } from '../checkpoint/index.js';
import type { CausalModel } from '../models/index.js';

/** A step of a walk over a model: making the first hidden states, one block, or scoring with the head. */
export type WalkStep = 'entry' | number | 'head';

/** The parts of a model that read shards. */
export type SteppedModel = Pick<CausalModel, 'blocks' | 'embedding' | 'linears' | 'entry' | 'block' | 'head'>;

/** Gives the shard files that a step reads, absolute real paths. */
export type ShardNeeds = (step: WalkStep) => ReadonlySet<string>;

/** Files of the tensors of each block's linear layers, those of quantized ones included. */
const linearFiles = ({ tensors }: Pick<Checkpoint, 'tensors'>, model: SteppedModel): ReadonlySet<string>[] => {
  const files = Array.from({ length: model.blocks }, () => new Set<string>());
  const blockOf = new Map(files.flatMap((_, block) => model.linears(block).map(({ module }) => [module, block])));
  for (const [name, { file }] of tensors)
    for (let end = name.lastIndexOf('.'); end > 0; end = name.lastIndexOf('.', end - 1)) {
      const block = blockOf.get(name.slice(0, end));
      if (block !== undefined) files[block]!.add(file);
    }
  return files;
};

/**
 * Says which shards each step of a walk reads: those that its piece maps, and for a block those of its linear layers.
 *
 * Pieces are built once for this, each when its step is first asked for, with rotary tables of a single position.
 */
export const shardNeeds = (checkpoint: Pick<Checkpoint, 'tensors'>, model: SteppedModel): ShardNeeds => {
  const known = new Map<WalkStep, ReadonlySet<string>>();
  let linears: readonly ReadonlySet<string>[] | undefined;
  const find = (step: WalkStep): ReadonlySet<string> => {
    if (step === 'entry') return new Set([model.embedding.file, ...(model.entry({ windowTokens: 1 })?.externalFiles ?? [])]);
    if (step === 'head') return new Set(model.head().externalFiles);
    linears ??= linearFiles(checkpoint, model);
    const { externalFiles } = model.block(step, { windowTokens: 1, linear: 'fed', activations: false });
    return new Set([...externalFiles, ...linears[step]!]);
  };
  return (step) => {
    const needs = known.get(step) ?? find(step);
    known.set(step, needs);
    return needs;
  };
};
