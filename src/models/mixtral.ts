import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeExpertsDecoder } from './decoder-rope-experts.js';

/**
 * Mixtral: every feed-forward layer a mixture, the chosen experts' probabilities divided by their sum.
 *
 * Reference: transformers' `models/mixtral/modeling_mixtral.py`.
 */
export const mixtral: ModelFamily = {
  modelType: 'mixtral',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ rope_theta: 1e6, ...checkpoint.config });
    const hidden = config.count('hidden_size', 4096);
    const query = config.count('num_attention_heads', 32);
    // The configuration class takes null for as many as there are query heads, and 8 where nothing is said.
    const keyValue = config.count('num_key_value_heads', 'num_key_value_heads' in checkpoint.config ? query : 8);
    const mixture = {
      module: 'block_sparse_moe',
      names: { gate: 'w1', up: 'w3', down: 'w2' },
      experts: config.count('num_local_experts', 8),
      expertsPerToken: config.count('num_experts_per_tok', 2),
      width: config.count('intermediate_size', 14336),
      normalizes: true,
    };
    return openRopeExpertsDecoder(checkpoint, config, {
      modelType: 'mixtral',
      hidden,
      blocks: config.count('num_hidden_layers', 32),
      vocabulary: config.count('vocab_size', 32000),
      maxPositions: config.count('max_position_embeddings', 131072),
      epsilon: config.number('rms_norm_eps', 1e-5),
      heads: { query, keyValue, size: config.count('head_dim', Math.floor(hidden / query)) },
      attentionBias: false,
      headNorms: false,
      slidingWindow: config.has('sliding_window') ? config.count('sliding_window') : undefined,
      feedForward: () => mixture,
    });
  },
};
