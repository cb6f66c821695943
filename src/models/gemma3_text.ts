import { readConfig, type ConfigReader } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openGemmaDecoder } from './decoder-gemma.js';
import { readBlockCount } from './read-block-count.js';
import { readRotaryFrequencies, type RotaryFrequencies } from './rotary-tables.js';
import { readSlidingLayers, readSlidingWindows } from './sliding-layers.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What `Gemma3TextConfig` takes where config.json is silent, which a text part of a larger model mostly is. */
const DEFAULTS = {
  vocab_size: 262208,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-6,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  sliding_window_pattern: 6,
};

const SILENT = readConfig({});

/** Global blocks turn with `rope_theta` and the scaling, local ones with `rope_local_base_freq` and without it. */
const readRotaries = (config: ConfigReader): { readonly global: RotaryFrequencies; readonly local: RotaryFrequencies } => {
  const size = config.count('head_dim');
  const byKind = config.section('rope_parameters');
  const scaling = config.section('rope_scaling') ?? byKind?.section('full_attention') ?? SILENT;
  return {
    global: readRotaryFrequencies(config, size, { rope: scaling, theta: 1e6 }),
    local: readRotaryFrequencies(config, size, {
      ...{ rope: byKind?.section('sliding_attention') ?? SILENT, thetaKey: 'rope_local_base_freq', theta: 1e4 },
    }),
  };
};

/**
 * Gemma 3, text: norms on each head of queries and keys, five local blocks to one global one, each kind with its own base.
 *
 * Reference: transformers' `models/gemma3/modeling_gemma3.py`.
 */
export const gemma3Text: ModelFamily = {
  modelType: 'gemma3_text',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    if (config.has('attn_logit_softcapping'))
      throw new UnsupportedModelError(
        `config.json asks for attn_logit_softcapping ${config.number('attn_logit_softcapping')}; null is supported, as transformers leaves it out of gemma3_text.`,
      );
    const blocks = readBlockCount(checkpoint, config);
    const pattern = config.count('sliding_window_pattern');
    const isLocal = (block: number): boolean => (block + 1) % pattern !== 0;
    const local = readSlidingLayers(config, blocks, isLocal);
    const slidingWindow = config.has('sliding_window') ? config.count('sliding_window') : undefined;
    const rotaries = readRotaries(config);
    return openGemmaDecoder(checkpoint, config, {
      modelType: 'gemma3_text',
      headNorms: true,
      scoreSoftcap: undefined,
      slidingWindow: readSlidingWindows(config, blocks, slidingWindow, isLocal),
      rotary: (block) => (local[block] ? rotaries.local : rotaries.global),
    });
  },
};
