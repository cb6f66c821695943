import { FILE_TYPES, SPLITS } from '../corpus/index.js';
import { ARITHMETICS } from '../planning/index.js';
import { amount, count, each, extent, fields, flag, list, oneOf, optional, orNull, sha256, text, type Check } from './json-checks.js';

const calibration = fields({
  source: text,
  shape: fields({
    ...{ format: optional(text), field: optional(text), template: optional(text), chatTemplate: optional(flag) },
    ...{ sourceTokens: optional(extent), targetTokens: optional(extent) },
    ...{ split: optional(oneOf(...SPLITS)), fileType: optional(oneOf(...FILE_TYPES)) },
  }),
  records: fields({ read: count, empty: count, truncated: count, repeated: count }),
});

/** Fields of two losses, as parts of the loss without a correction. */
export const LOSS_RATIOS: Readonly<Record<string, Check>> = { calibrationLossRatio: amount, heldOutLossRatio: amount };

const tokenChoice = fields({
  chosen: extent,
  considered: extent,
  curve: list(fields({ tokens: extent, ...LOSS_RATIOS, byKind: each(fields(LOSS_RATIOS)) })),
  limit: orNull(amount),
  decidedBy: orNull(text),
  pilotBlocks: list(count),
});

/** Fields that say what a calibration was made on, wherever they are recorded. */
export const CALIBRATION_FACTS: Readonly<Record<string, Check>> = {
  calibration,
  calibrationTokens: count,
  heldOutTokens: count,
  windowTokens: extent,
  heldOutFraction: amount,
  samples: orNull(count),
  seed: count,
  arithmetic: optional(fields({ asked: oneOf(...ARITHMETICS), used: oneOf('f32', 'int8-split'), why: text })),
  tokenChoice: optional(tokenChoice),
};

/** SHA-256 of each shard. */
export const SHARD_HASHES = list(fields({ file: text, sha256 }));

/** Tokens routed to each expert. */
export const ROUTING = list(fields({ block: count, calibrationTokens: list(count), heldOutTokens: list(count) }));

/** Versions by name, quailora's among them. */
export const VERSIONS = each(text, 'quailora');

/** Which sums were kept. */
export const KEPT = oneOf('used', 'all-h');
