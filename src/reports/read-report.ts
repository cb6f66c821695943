import { parseJson, QuailoraError, readTextFile, TextFileError } from '../foundation/index.js';
import { DEVICES } from '../runtime/index.js';
import { CALIBRATION_FACTS, KEPT, LOSS_RATIOS, ROUTING, SHARD_HASHES, VERSIONS } from './fact-checks.js';
import {
  amount,
  commit,
  count,
  each,
  extent,
  fields,
  fraction,
  isRecord,
  list,
  must,
  oneOf,
  optional,
  orNull,
  text,
  WHOLE,
} from './json-checks.js';
import type { InitializationReport } from './report.js';

/** Thrown when a report.json is missing, is not JSON, or lacks a field; retrying does not help. */
export class MalformedReportError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_REPORT', message, { cause });
  }
}

const statistic = must('"H" or "G"', (value) => value === 'H' || value === 'G');
const whose = must('"own" or "shared"', (value) => value === 'own' || value === 'shared');

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
  routing: ROUTING,
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

const generalization = list(fields({ kind: text, modules: extent, ...LOSS_RATIOS, gap: orNull(fraction) }));

const initializationReport = fields({
  model: text,
  commit: optional(commit),
  shardHashes: SHARD_HASHES,
  quantizer: text,
  initializer: text,
  initializerSteps: orNull(count),
  rank: count,
  alpha: amount,
  scaling: amount,
  ...CALIBRATION_FACTS,
  fingerprint: optional(must('an object', isRecord)),
  device: optional(oneOf(...DEVICES)),
  processors: optional(list(text)),
  versions: VERSIONS,
  modules: list(fields(moduleFields)),
  totals,
  generalization: optional(generalization),
  experts: optional(expertReport),
  refit: optional(fields({ from: text, kept: KEPT, seed: count })),
  secondsPerStage: each(amount),
  peakRssBytes: count,
  largestBytes: fields({ weights: count, statistics: count, activations: count }),
  plan: optional(planReport),
  work: optional(fields({ operations: amount, gemmOperationsPerSecond: amount, share: amount })),
  files: optional(list(fields({ file: text, bytes: count }))),
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
    parsed = parseJson(await readTextFile(path));
  } catch (cause) {
    const reason = cause instanceof TextFileError ? `can't be read (${cause.message})` : `is not JSON (${String(cause)})`;
    throw new MalformedReportError(`${path} ${reason}. It is written by \`quailora init\` when a run ends.`, cause);
  }
  const problem = initializationReport(parsed, WHOLE);
  if (!isReport(parsed, problem))
    throw new MalformedReportError(
      `${path}: ${problem ?? ''}. It was cut, edited, or written by another version; run \`quailora init\` again.`,
    );
  return parsed;
};
