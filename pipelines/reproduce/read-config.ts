import { parseJson, readTextFile } from '../../src/foundation/index.js';
import { amount, extent, fields, list, must, oneOf, optional, text, WHOLE } from '../../src/reports/index.js';
import { DATASETS, type GridRow, type ScaleConfig } from './config.js';
import { ReproductionError } from './reproduction-error.js';

/** A name or path that make and a shell take as it is. */
const plain = must('letters, digits and . _ / + - only', (value) => typeof value === 'string' && /^[\w./+-]+$/.test(value));
const dataset = oneOf(...DATASETS);

const config = fields({
  scale: plain,
  models: list(fields({ name: plain, beside: text, checkpoint: plain, rank: extent })),
  alpha: extent,
  texts: fields({ train: plain, validation: plain }),
  datasets: list(dataset),
  calibration: fields({ dataset, samples: extent }),
  ...{ sourceTokens: extent, targetTokens: extent },
  training: fields({ steps: extent, every: extent, batch: extent, microBatch: extent, learningRate: amount, validationRecords: extent }),
  rows: list(
    fields({
      ...{ name: plain, label: text },
      bits: must('4, 8 or 16', (value) => value === 4 || value === 8 || value === 16),
      start: oneOf('default', 'als', 'exact', 'svd'),
      weights: oneOf('stored', 'dequantized', 'absorbing'),
      datasets: optional(list(dataset)),
    }),
  ),
  costs: fields({ measuredOn: text, initialization: amount, start: amount, step: amount, scoring: amount }),
  departures: list(text),
});

/** What can't be, of a row whose fields are each valid. */
const contradiction = ({ name, bits, start, weights }: GridRow): string | undefined => {
  if (weights === 'absorbing' && (bits !== 16 || start === 'default'))
    return `row ${name}: "absorbing" takes the factors of a start other than "default" out of the 16-bit weights`;
  if (bits === 16 && weights === 'dequantized') return `row ${name}: 16 bits are not quantized, so nothing is "dequantized"`;
  if (bits === 16 && weights === 'stored' && start !== 'default')
    return `row ${name}: 16 bits have no error to start from; use "absorbing"`;
  return undefined;
};

const twice = (names: readonly string[]): string | undefined => {
  const name = names.find((one, i) => names.indexOf(one) !== i);
  return name === undefined ? undefined : `the name ${name} is there twice`;
};

/**
 * Checks one scale's settings.
 *
 * @throws ReproductionError QL_REPRODUCE_CONFIG naming the field; retrying does not help
 */
export const checkConfig = (value: unknown, path: string): ScaleConfig => {
  const wrong = config(value, WHOLE);
  const valid = value as ScaleConfig;
  const problem =
    wrong ??
    valid.rows.map(contradiction).find((one) => one !== undefined) ??
    twice(valid.rows.map(({ name }) => name)) ??
    twice(valid.models.map(({ name }) => name)) ??
    (valid.training.batch % valid.training.microBatch ? 'training.batch must be a multiple of training.microBatch' : undefined) ??
    (valid.datasets.includes(valid.calibration.dataset) ? undefined : 'calibration.dataset must be one of datasets');
  if (problem !== undefined) throw new ReproductionError('QL_REPRODUCE_CONFIG', `${path}: ${problem}. Correct the file.`);
  return valid;
};

/** Reads and checks one scale's settings. */
export const readConfig = async (path: string): Promise<ScaleConfig> => {
  const content = await readTextFile(path);
  try {
    return checkConfig(parseJson(content), path);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ReproductionError('QL_REPRODUCE_CONFIG', `${path} is no JSON (${cause.message}). Correct the file.`, { cause });
  }
};
