import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INITIALIZER_NAMES, KEPT_DIRECTORY, KEPT_INDEX, RefitError, type KeptStatistics } from '../stages/index.js';
import { CALIBRATION_FACTS, KEPT, ROUTING, SHARD_HASHES, VERSIONS } from './fact-checks.js';
import {
  amount,
  commit,
  count,
  extent,
  fields,
  flag,
  isRecord,
  list,
  must,
  oneOf,
  optional,
  sha256,
  text,
  WHOLE,
  type Check,
} from './json-checks.js';

const BITS = must('4 or 8', (value) => value === 4 || value === 8);
const fileName = must('a file name', (value) => typeof value === 'string' && /^[\w-][\w.-]*\.arrow$/.test(value));

const modules: Check = (value, path) => (value === 'all-linear' ? undefined : list(text)(value, path));
const expert: Check = (value, path) => (value === 'all' ? undefined : count(value, path));

const options = fields({
  ...{ bits: BITS, rank: extent, alpha: amount, rslora: flag, alsSteps: extent, loftqSteps: extent, balance: flag, modules },
  ...{ initializer: oneOf(...INITIALIZER_NAMES), experts: flag, baseName: optional(text) },
});

const file = fields({
  ...{ file: fileName, bytes: count, sha256, block: count, input: text, split: oneOf('calibration', 'heldOut') },
  ...{ kind: oneOf('H', 'G'), n: extent, tokens: count, modules: list(text), quantizer: optional(text) },
  rows: optional(fields({ activation: text, expert })),
});

const keptStatistics = fields({
  ...{ kept: KEPT, model: text, revision: optional(text), commit: optional(commit), shardHashes: SHARD_HASHES },
  ...{ quantizer: text, initializer: text, options, facts: fields(CALIBRATION_FACTS), routing: ROUTING, versions: VERSIONS },
  files: list(file),
});

const isKept = (value: unknown, problem: string | undefined): value is KeptStatistics => problem === undefined && isRecord(value);

/**
 * Reads the index of the statistics that an output holds, and checks every field; the sums themselves are not opened.
 *
 * @throws RefitError QL_REFIT_STATISTICS; retrying does not help
 */
export const readKeptStatistics = async (directory: string): Promise<KeptStatistics> => {
  const path = join(directory, KEPT_DIRECTORY, KEPT_INDEX);
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason =
      cause instanceof SyntaxError
        ? `is not JSON (${cause.message})`
        : `can't be read (${String(cause)}). It is written at the end of \`quailora init --keep-statistics\`; a refit's own output has none: use the directory that its report.json names`;
    throw new RefitError('QL_REFIT_STATISTICS', `${path} ${reason}.`, { cause });
  }
  const problem = keptStatistics(parsed, WHOLE);
  if (!isKept(parsed, problem))
    throw new RefitError(
      'QL_REFIT_STATISTICS',
      `${path}: ${problem ?? ''}. It was cut, edited, or written by another version; run \`quailora init --keep-statistics\` again.`,
    );
  return parsed;
};
