import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';
import { readUpperSlidingWindows } from './sliding-layers.js';

/** What `Qwen2Config` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  sliding_window: 4096,
  max_window_layers: 28,
};

/** Qwen2 and Qwen2.5: biases on queries, keys and values. Reference: transformers' `models/qwen2/modeling_qwen2.py`. */
export const qwen2: ModelFamily = {
  modelType: 'qwen2',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    return openRopeSwigluDecoder(checkpoint, config, {
      modelType: 'qwen2',
      biases: { queryKeyValue: true, output: false, feedForward: false },
      headNorms: false,
      slidingWindow: readUpperSlidingWindows(checkpoint, config),
    });
  },
};
