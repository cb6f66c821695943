import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';
import { readUpperSlidingWindows } from './sliding-layers.js';

/** What `Qwen3Config` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  head_dim: 128,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  sliding_window: 4096,
  max_window_layers: 28,
};

/** Qwen3 (dense): norms on each head of queries and keys. Reference: transformers' `models/qwen3/modeling_qwen3.py`. */
export const qwen3: ModelFamily = {
  modelType: 'qwen3',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const attentionBias = config.flag('attention_bias', false);
    return openRopeSwigluDecoder(checkpoint, config, {
      modelType: 'qwen3',
      biases: { queryKeyValue: attentionBias, output: attentionBias, feedForward: false },
      headNorms: true,
      slidingWindow: readUpperSlidingWindows(checkpoint, config),
    });
  },
};
