import { readFile } from 'node:fs/promises';
import { FILE_TYPES, SPLITS } from '../corpus/index.js';
import { QuailoraError } from '../foundation/index.js';
import type { InitializationReport } from './report.js';

/** Thrown when a report.json is missing, is not JSON, or lacks a field; retrying does not help. */
export class MalformedReportError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_REPORT', message, { cause });
  }
}

/** Returns what is wrong with a value, as `path must be …`, or undefined. */
type Check = (value: unknown, path: string) => string | undefined;

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));

const must =
  (what: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : `${path} must be ${what}, not ${show(value)}`;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const text = must('a non-empty string', (value) => typeof value === 'string' && value !== '');
const amount = must('a number of at least 0', (value) => typeof value === 'number' && value >= 0);
const count = must('a whole number of at least 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
const fraction = must('a number', (value) => typeof value === 'number');
const sha256 = must('64 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value));
const commit = must('40 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{40}$/.test(value));
const statistic = must('"H" or "G"', (value) => value === 'H' || value === 'G');
const whose = must('"own" or "shared"', (value) => value === 'own' || value === 'shared');
const extent = must('a whole number of at least 1', (value) => Number.isSafeInteger(value) && Number(value) >= 1);

const orNull =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

const optional =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);

const list =
  (check: Check, length?: number): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return `${path} must be a list, not ${show(value)}`;
    if (length !== undefined && value.length !== length) return `${path} must have ${length} entries, not ${value.length}`;
    for (const [i, entry] of value.entries()) {
      const wrong = check(entry, `${path}[${i}]`);
      if (wrong) return wrong;
    }
    return undefined;
  };

const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isRecord(value)) return `${path} must be an object, not ${show(value)}`;
    for (const [name, check] of Object.entries(checks)) {
      const wrong = check(value[name], path === 'the report' ? name : `${path}.${name}`);
      if (wrong) return wrong;
    }
    return undefined;
  };

/** The same check for every value of an object; `names` must be among them. */
const each =
  (check: Check, ...names: string[]): Check =>
  (value, path) => {
    const keys = [...names, ...Object.keys(isRecord(value) ? value : {})];
    return fields(Object.fromEntries(keys.map((key) => [key, check])))(value, path);
  };

const oneOf = (...words: readonly string[]): Check => must(`one of ${words.join(', ')}`, (value) => words.includes(String(value)));
const flag = must('true or false', (value) => typeof value === 'boolean');

const calibration = fields({
  source: text,
  shape: fields({
    ...{ format: optional(text), field: optional(text), template: optional(text), chatTemplate: optional(flag) },
    ...{ sourceTokens: optional(extent), targetTokens: optional(extent) },
    ...{ split: optional(oneOf(...SPLITS)), fileType: optional(oneOf(...FILE_TYPES)) },
  }),
  records: fields({ read: count, empty: count, truncated: count, repeated: count }),
});

const moduleFields = {
  name: text,
  shape: list(extent, 2),
  loss: fields({ none: amount, svd: optional(amount), final: amount }),
  heldOut: orNull(fields({ none: amount, final: amount })),
  captured: fraction,
  statistic,
  seconds: amount,
};

const totals = fields({
  modules: count,
  lossRatio: amount,
  svdLossRatio: orNull(amount),
  heldOutLossRatio: orNull(amount),
  captured: fraction,
  seconds: amount,
});

const expertReport = fields({
  matrices: count,
  parameters: count,
  share: amount,
  unadaptable: count,
  routing: list(fields({ block: count, calibrationTokens: list(count), heldOutTokens: list(count) })),
  corrected: orNull(
    fields({
      modules: list(fields({ ...moduleFields, tokens: count, heldOutTokens: count, statistics: whose })),
      totals,
    }),
  ),
});

const planReport = fields({
  ...{ peakBytes: count, peakAt: text, budgetBytes: orNull(count), smallestBudgetBytes: count, shardsInFlight: extent },
  ...{ workers: extent, threads: extent },
  floats: fields({ runTokens: extent, segmentTokens: extent, storedActivations: text, arithmetic: text }),
  ...{ scratchBytes: count, outputBytes: count, keptStatisticsBytes: count },
});

const ratios = { calibrationLossRatio: amount, heldOutLossRatio: amount };

const generalization = list(fields({ kind: text, modules: extent, ...ratios, gap: orNull(fraction) }));

const tokenChoice = fields({
  chosen: extent,
  considered: extent,
  curve: list(fields({ tokens: extent, ...ratios, byKind: each(fields(ratios)) })),
  limit: orNull(amount),
  decidedBy: orNull(text),
  pilotBlocks: list(count),
});

const initializationReport = fields({
  model: text,
  commit: optional(commit),
  shardHashes: list(fields({ file: text, sha256 })),
  quantizer: text,
  initializer: text,
  initializerSteps: orNull(count),
  rank: count,
  alpha: amount,
  scaling: amount,
  seed: count,
  calibration,
  calibrationTokens: count,
  heldOutTokens: count,
  windowTokens: extent,
  heldOutFraction: amount,
  samples: orNull(count),
  fingerprint: optional(must('an object', isRecord)),
  versions: each(text, 'quailora'),
  modules: list(fields(moduleFields)),
  totals,
  generalization: optional(generalization),
  tokenChoice: optional(tokenChoice),
  experts: optional(expertReport),
  secondsPerStage: each(amount),
  peakRssBytes: count,
  largestBytes: fields({ weights: count, statistics: count, activations: count }),
  plan: optional(planReport),
  work: optional(fields({ operations: amount, gemmOperationsPerSecond: amount, share: amount })),
});

const isReport = (value: unknown, problem: string | undefined): value is InitializationReport => problem === undefined && isRecord(value);

/**
 * Reads a report.json and checks every field.
 *
 * @throws MalformedReportError QL_REPORT naming the file and the field; retrying does not help
 */
export const readReport = async (path: string): Promise<InitializationReport> => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? `is not JSON (${cause.message})` : `can't be read (${String(cause)})`;
    throw new MalformedReportError(`${path} ${reason}. It is written by \`quailora init\` when a run ends.`, cause);
  }
  const problem = initializationReport(parsed, 'the report');
  if (!isReport(parsed, problem))
    throw new MalformedReportError(
      `${path}: ${problem ?? ''}. It was cut, edited, or written by another version; run \`quailora init\` again.`,
    );
  return parsed;
};
