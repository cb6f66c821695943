import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openGemmaDecoder } from './decoder-gemma.js';
import { readBlockCount } from './read-block-count.js';
import { readRotaryFrequencies } from './rotary-tables.js';
import { readSlidingWindows } from './sliding-layers.js';

/** What `Gemma2Config` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 256000,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-6,
  query_pre_attn_scalar: 256,
  sliding_window: 4096,
  final_logit_softcapping: 30,
  attn_logit_softcapping: 50,
};

/** Gemma 2: capped scores and logits, every other block local. Reference: transformers' `models/gemma2/modeling_gemma2.py`. */
export const gemma2: ModelFamily = {
  modelType: 'gemma2',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const rotary = readRotaryFrequencies(config, config.count('head_dim'));
    const slidingWindow = config.has('sliding_window') ? config.count('sliding_window') : undefined;
    return openGemmaDecoder(checkpoint, config, {
      modelType: 'gemma2',
      headNorms: false,
      scoreSoftcap: config.has('attn_logit_softcapping') ? config.number('attn_logit_softcapping') : undefined,
      slidingWindow: readSlidingWindows(config, readBlockCount(checkpoint, config), slidingWindow, (block) => block % 2 === 0),
      rotary: () => rotary,
    });
  },
};
