import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeSwigluDecoder } from './decoder-rope-swiglu.js';

/** Mistral: no biases, attention within a sliding window. Reference: transformers' `models/mistral/modeling_mistral.py`. */
export const mistral: ModelFamily = {
  modelType: 'mistral',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig(checkpoint.config);
    return openRopeSwigluDecoder(checkpoint, {
      modelType: 'mistral',
      attentionBias: false,
      mlpBias: false,
      slidingWindow: config.has('sliding_window') ? config.count('sliding_window') : undefined,
    });
  },
};
