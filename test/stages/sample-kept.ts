import { STOCK_SETTINGS, type KeptStatistics } from '../../src/stages/index.js';

/** An index of no files, for tests that need one. */
export const sampleKept = (): KeptStatistics => {
  const { bits, rank, alpha, rslora, alsSteps, loftqSteps, balance, modules } = STOCK_SETTINGS;
  return {
    ...{ kept: 'used', model: 'models/small', shardHashes: [{ file: 'model.safetensors', sha256: 'ab'.repeat(32) }] },
    ...{ quantizer: 'nf4', initializer: 'exact' },
    options: { bits, rank, alpha, rslora, alsSteps, loftqSteps, balance, modules, initializer: 'exact', experts: false },
    facts: {
      calibration: { source: 'chat.jsonl', shape: { format: 'alpaca' }, records: { read: 900, empty: 3, truncated: 12, repeated: 1 } },
      ...{ calibrationTokens: 4096, heldOutTokens: 1024, windowTokens: 256, heldOutFraction: 0.25, samples: null, seed: 7 },
    },
    routing: [],
    versions: { quailora: '0.1.0', node: '20.12.0' },
    files: [],
  };
};
