import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';

/** LLaMA 1–3 and everything saved as `llama`. Reference: transformers' `models/llama/modeling_llama.py`. */
export const llama: ModelFamily = {
  modelType: 'llama',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig(checkpoint.config);
    return openRopeSwigluDecoder(checkpoint, {
      modelType: 'llama',
      attentionBias: config.flag('attention_bias', false),
      mlpBias: config.flag('mlp_bias', false),
      slidingWindow: undefined,
    });
  },
};
