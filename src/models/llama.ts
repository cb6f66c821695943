import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';

/** What `LlamaConfig` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
};

/** LLaMA 1–3 and everything saved as `llama`. Reference: transformers' `models/llama/modeling_llama.py`. */
export const llama: ModelFamily = {
  modelType: 'llama',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const attentionBias = config.flag('attention_bias', false);
    return openRopeSwigluDecoder(checkpoint, config, {
      modelType: 'llama',
      biases: { queryKeyValue: attentionBias, output: attentionBias, feedForward: config.flag('mlp_bias', false) },
      headNorms: false,
      slidingWindow: () => undefined,
    });
  },
};
