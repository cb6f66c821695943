import type { InitializationReport } from '../../src/reports/index.js';

/** A report of two modules, for tests that need one. */
export const sampleReport = (): InitializationReport => ({
  model: 'models/small',
  shardHashes: [{ file: 'model.safetensors', sha256: 'ab'.repeat(32) }],
  quantizer: 'nf4',
  initializer: 'exact',
  initializerSteps: null,
  rank: 8,
  alpha: 16,
  scaling: 2,
  seed: 0,
  calibration: {
    source: 'chat.jsonl',
    shape: { format: 'alpaca', targetTokens: 128, split: 'train' },
    records: { read: 900, empty: 3, truncated: 12, repeated: 1 },
  },
  calibrationTokens: 4096,
  heldOutTokens: 1024,
  windowTokens: 256,
  heldOutFraction: 0.25,
  samples: null,
  versions: { quailora: '0.1.0', node: '20.12.0' },
  modules: [
    {
      name: 'model.layers.0.self_attn.q_proj',
      shape: [64, 64],
      loss: { none: 2, svd: 1, final: 0.5 },
      heldOut: { none: 4, final: 1.5 },
      captured: 0.75,
      statistic: 'H',
      seconds: 0.25,
    },
    {
      name: 'model.layers.0.mlp.down_proj',
      shape: [64, 256],
      loss: { none: 1, svd: 0.75, final: 0.5 },
      heldOut: { none: 1, final: 0.625 },
      captured: 0.5,
      statistic: 'G',
      seconds: 0.25,
    },
  ],
  totals: { modules: 2, lossRatio: 0.375, svdLossRatio: 0.625, heldOutLossRatio: 0.5, captured: 0.625, seconds: 61 },
  secondsPerStage: { calibrate: 50, solve: 10 },
  peakRssBytes: 500 * 2 ** 20,
  largestBytes: { weights: 1024, statistics: 2048, activations: 4096 },
});
