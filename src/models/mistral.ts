import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';

/** What `MistralConfig` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-6,
  sliding_window: 4096,
};

/** Mistral: no biases, attention within a sliding window. Reference: transformers' `models/mistral/modeling_mistral.py`. */
export const mistral: ModelFamily = {
  modelType: 'mistral',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const slidingWindow = config.has('sliding_window') ? config.count('sliding_window') : undefined;
    return openRopeSwigluDecoder(checkpoint, config, {
      modelType: 'mistral',
      biases: { queryKeyValue: false, output: false, feedForward: false },
      headNorms: false,
      slidingWindow: () => slidingWindow,
    });
  },
};
