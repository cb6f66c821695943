import { join } from 'node:path';
import { parseJson, readTextFile, TextFileError } from '../foundation/index.js';
import { INITIALIZER_NAMES, KEPT_DIRECTORY, KEPT_INDEX, RefitError, type KeptFile, type KeptStatistics } from '../stages/index.js';
import { CALIBRATION_FACTS, KEPT, ROUTING, SHARD_HASHES, VERSIONS } from './fact-checks.js';
import {
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
  positive,
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
  ...{ bits: BITS, rank: extent, alpha: positive, rslora: flag, alsSteps: extent, loftqSteps: extent, balance: flag, modules },
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

/** What is wrong with the files beside each other: each sum is there once, and a held-out one is like the sum that it checks. */
const filesProblem = ({ files }: KeptStatistics): string | undefined => {
  const byPlace = new Map<string, KeptFile>();
  for (const [i, file] of files.entries()) {
    const place = `${file.split} ${file.block} ${file.input}`;
    if (byPlace.has(place)) return `files[${i}] is of a block, input and split that another file is of`;
    byPlace.set(place, file);
  }
  for (const [i, { split, block, input, kind, n }] of files.entries()) {
    const sum = byPlace.get(`calibration ${block} ${input}`);
    if (split === 'calibration' || (sum?.kind === kind && sum.n === n)) continue;
    const beside = sum ? `a ${sum.kind} of ${sum.n} rows` : 'nothing';
    return `files[${i}] is a held-out ${kind} of ${n} rows, beside ${beside} over calibration tokens`;
  }
  return undefined;
};

/**
 * Reads the index of the statistics that an output holds, and checks every field; the sums themselves are not opened.
 *
 * @throws RefitError QL_REFIT_STATISTICS; retrying does not help
 */
export const readKeptStatistics = async (directory: string): Promise<KeptStatistics> => {
  const path = join(directory, KEPT_DIRECTORY, KEPT_INDEX);
  let parsed: unknown;
  try {
    parsed = parseJson(await readTextFile(path));
  } catch (cause) {
    const reason =
      cause instanceof TextFileError
        ? `can't be read (${cause.message}) It is written at the end of \`quailora init --keep-statistics\`; a refit's own output has none: use the directory that its report.json names`
        : `is not JSON (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new RefitError('QL_REFIT_STATISTICS', `${path} ${reason}.`, { cause });
  }
  const malformed = (problem: string | undefined): RefitError =>
    new RefitError(
      'QL_REFIT_STATISTICS',
      `${path}: ${problem ?? ''}. It was cut, edited, or written by another version; run \`quailora init --keep-statistics\` again.`,
    );
  const problem = keptStatistics(parsed, WHOLE);
  if (!isKept(parsed, problem)) throw malformed(problem);
  const contradiction = filesProblem(parsed);
  if (contradiction !== undefined) throw malformed(contradiction);
  return parsed;
};
