import type { Checkpoint } from '../checkpoint/index.js';
import type { CausalModel, LinearLayer } from '../models/index.js';

/** What the shards of a model's steps are told from. */
export interface SteppedModel extends Pick<CausalModel, 'blocks' | 'embedding' | 'unquantizedModules'> {
  linears(block: number): readonly Pick<LinearLayer, 'module'>[];
}

/** A step of a walk over a model: making the first hidden states, one block, or scoring with the head. */
export type WalkStep = 'entry' | number | 'head';

/** Gives the shard files that a step reads, absolute real paths. */
export type ShardNeeds = (step: WalkStep) => ReadonlySet<string>;

/** Final norms and projections out of the hidden states, by the names that the families give them. */
const AFTER_THE_BLOCKS = /^(norm|ln_f|final_layer_norm|final_layernorm|final_norm|project_out)\./;

/**
 * Says which shards each step of a walk reads, from the names of the tensors alone.
 *
 * A block reads all that begins like its linear layers up to the block's number (`model.layers.3.`). What lies beside
 * the blocks (`model.`) is read by the head where it is named like a final norm, else by the entry. Tensors outside of
 * that, of an image encoder for instance, are read by no step.
 */
export const shardNeeds = ({ tensors, config }: Pick<Checkpoint, 'tensors' | 'config'>, model: SteppedModel): ShardNeeds => {
  const parts = model.linears(0)[0]!.module.split('.');
  const depth = parts.indexOf('0');
  const list = `${parts.slice(0, depth).join('.')}.`;
  const root = parts
    .slice(0, depth - 1)
    .map((part) => `${part}.`)
    .join('');
  const outputs = new Set(model.unquantizedModules.filter((name) => !name.startsWith(root)).map((name) => `${name}.weight`));
  const entry = new Set([model.embedding.file]);
  const head = new Set<string>();
  // Where the output embedding is tied, some checkpoints store it a second time all the same.
  if (![...outputs].some((name) => tensors.has(name)) || config['tie_word_embeddings'] !== false) head.add(model.embedding.file);
  const blocks = Array.from({ length: model.blocks }, () => new Set<string>());
  for (const [name, { file }] of tensors) {
    if (name.startsWith(list)) blocks[Number(name.split('.')[depth])]?.add(file);
    else if (outputs.has(name) || (name.startsWith(root) && AFTER_THE_BLOCKS.test(name.slice(root.length)))) head.add(file);
    else if (name.startsWith(root)) entry.add(file);
  }
  return (step) => (step === 'entry' ? entry : step === 'head' ? head : blocks[step]!);
};
