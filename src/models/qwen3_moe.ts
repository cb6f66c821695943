import { readConfig } from './config-reader.js';
import type { ModelFamily } from './contract.js';
import { openRopeExpertsDecoder } from './decoder-rope-experts.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What `Qwen3MoeConfig` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 151936,
  hidden_size: 2048,
  intermediate_size: 6144,
  num_hidden_layers: 24,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  decoder_sparse_step: 1,
  moe_intermediate_size: 768,
  num_experts_per_tok: 8,
};

/**
 * Qwen3-MoE: mixtures in every `decoder_sparse_step`-th block, dense layers in the others and in `mlp_only_layers`; norms on
 * each head of queries and keys.
 *
 * Reference: transformers' `models/qwen3_moe/modeling_qwen3_moe.py`.
 */
export const qwen3Moe: ModelFamily = {
  modelType: 'qwen3_moe',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const blocks = config.count('num_hidden_layers');
    const dense = new Set(config.numbers('mlp_only_layers'));
    const [stray] = [...dense].filter((block) => !Number.isInteger(block) || block < 0 || block >= blocks);
    if (stray !== undefined)
      throw new UnsupportedModelError(`config.json has mlp_only_layers ${[...dense].join(', ')}, but the blocks are 0 to ${blocks - 1}.`);
    const every = config.count('decoder_sparse_step');
    const width = config.count('intermediate_size');
    const mixture = {
      module: 'mlp',
      names: { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
      // transformers 4 wrote num_experts, transformers 5 writes num_local_experts.
      experts: config.count('num_local_experts', config.count('num_experts', 128)),
      expertsPerToken: config.count('num_experts_per_tok'),
      width: config.count('moe_intermediate_size'),
      normalizes: config.flag('norm_topk_prob', false),
    };
    const slides = config.flag('use_sliding_window', false) && config.has('sliding_window');
    return openRopeExpertsDecoder(checkpoint, config, {
      modelType: 'qwen3_moe',
      attentionBias: config.flag('attention_bias', false),
      headNorms: true,
      slidingWindow: slides ? config.count('sliding_window') : undefined,
      feedForward: (block) => (!dense.has(block) && (block + 1) % every === 0 ? mixture : width),
    });
  },
};
