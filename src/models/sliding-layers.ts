import type { Checkpoint } from '../checkpoint/index.js';
import type { ConfigReader } from './config-reader.js';
import { readBlockCount } from './read-block-count.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Kinds of attention layers that are computed here; `attention` is an older name of `full_attention`. */
const KINDS: ReadonlyMap<string, boolean> = new Map([
  ['full_attention', false],
  ['attention', false],
  ['sliding_attention', true],
]);

/**
 * Reads which blocks attend within a sliding window: those that `layer_types` says, or else those that the family's own rule says.
 *
 * @param isSliding the rule where config.json has no `layer_types`
 * @returns by block, whether it slides
 * @throws UnsupportedModelError when `layer_types` has another kind, or not one entry for each block
 */
export const readSlidingLayers = (config: ConfigReader, blocks: number, isSliding: (block: number) => boolean): readonly boolean[] => {
  const kinds = config.texts('layer_types');
  if (kinds === undefined) return Array.from({ length: blocks }, (_, block) => isSliding(block));
  if (kinds.length !== blocks)
    throw new UnsupportedModelError(
      `config.json has ${kinds.length} layer_types for ${blocks} blocks. Compare it with the original model's file.`,
    );
  return kinds.map((kind) => {
    const sliding = KINDS.get(kind);
    if (sliding === undefined)
      throw new UnsupportedModelError(`config.json asks for layer_types "${kind}"; full_attention and sliding_attention are supported.`);
    return sliding;
  });
};

/**
 * Reads how many tokens a token of each block can look back on, itself included; undefined for all.
 *
 * @param isSliding as in `readSlidingLayers`
 * @param slidingWindow undefined where no window is set
 * @throws UnsupportedModelError when a block slides but no window is set
 */
export const readSlidingWindows = (
  config: ConfigReader,
  blocks: number,
  slidingWindow: number | undefined,
  isSliding: (block: number) => boolean,
): ((block: number) => number | undefined) => {
  const sliding = readSlidingLayers(config, blocks, isSliding);
  if (slidingWindow === undefined && sliding.includes(true))
    throw new UnsupportedModelError(
      `config.json has blocks of sliding attention (the first is ${sliding.indexOf(true)}) but sets no sliding_window. Compare it with the original model's file.`,
    );
  return (block) => (sliding[block] ? slidingWindow : undefined);
};

/**
 * Reads the sliding windows of Qwen: with `use_sliding_window`, the blocks from `max_window_layers` on slide.
 *
 * @throws UnsupportedModelError as `readSlidingWindows`
 */
export const readUpperSlidingWindows = (
  checkpoint: Pick<Checkpoint, 'tensors'>,
  config: ConfigReader,
): ((block: number) => number | undefined) => {
  const used = config.flag('use_sliding_window', false) && config.has('sliding_window');
  const first = config.number('max_window_layers');
  return readSlidingWindows(
    config,
    readBlockCount(checkpoint, config),
    used ? config.count('sliding_window') : undefined,
    (block) => used && block >= first,
  );
};
