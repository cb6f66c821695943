import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeExpertsDecoder } from './decoder-rope-experts.js';

/** What `MixtralConfig` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 1e6,
  num_local_experts: 8,
  num_experts_per_tok: 2,
};

/**
 * Mixtral: every feed-forward layer a mixture, the chosen experts' probabilities divided by their sum.
 *
 * Reference: transformers' `models/mixtral/modeling_mixtral.py`.
 */
export const mixtral: ModelFamily = {
  modelType: 'mixtral',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const mixture = {
      module: 'block_sparse_moe',
      names: { gate: 'w1', up: 'w3', down: 'w2' },
      experts: config.count('num_local_experts'),
      expertsPerToken: config.count('num_experts_per_tok'),
      width: config.count('intermediate_size'),
      normalizes: true,
    };
    return openRopeExpertsDecoder(checkpoint, config, {
      modelType: 'mixtral',
      attentionBias: false,
      headNorms: false,
      slidingWindow: config.has('sliding_window') ? config.count('sliding_window') : undefined,
      feedForward: () => mixture,
    });
  },
};
