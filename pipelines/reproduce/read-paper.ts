import { parseJson, readTextFile } from '../../src/foundation/index.js';
import { join } from 'node:path';
import { DATASETS, type DatasetName } from './config.js';
import { ReproductionError } from './reproduction-error.js';

/** A row of the paper's table 4: validation perplexity after fine-tuning on each dataset. */
export interface PaperPerplexities {
  readonly model: string;
  readonly bits: 4 | 8;
  readonly method: 'QLoRA' | 'QuAILoRA';
  readonly values: Readonly<Record<DatasetName, number>>;
  /** As printed. */
  readonly mean: number;
  /** Where the printed mean is an evident misprint: what was meant, and how that is known. */
  readonly misprint?: { readonly field: 'mean'; readonly meant: number; readonly why: string };
}

/** A model of the paper's table 2b. */
export interface PaperGap {
  readonly model: string;
  /** Part of the gap closed, at most 1; absent where the paper leaves the model out. */
  readonly closed?: number;
  readonly excluded?: string;
}

/** What the paper prints of tables 2a, 2b and 4. */
export interface PaperTables {
  readonly perplexities: readonly PaperPerplexities[];
  readonly gaps: readonly PaperGap[];
  readonly meanGap: number;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const rowsIn = async (path: string): Promise<Record<string, unknown>> => {
  const table = parseJson(await readTextFile(path));
  if (isObject(table) && Array.isArray(table['rows']) && table['rows'].every(isObject)) return table;
  throw new ReproductionError('QL_REPRODUCE_DATA', `${path} has no list "rows" of objects. Restore it from the repository.`);
};

const isPerplexities = (row: unknown): row is PaperPerplexities => {
  if (!isObject(row) || !isObject(row['values'])) return false;
  const values = row['values'];
  return typeof row['model'] === 'string' && typeof row['mean'] === 'number' && DATASETS.every((name) => typeof values[name] === 'number');
};

/**
 * Reads the paper's tables 2b and 4 (whose means are table 2a).
 *
 * @param directory holds table-2b.json and table-4.json
 * @throws ReproductionError QL_REPRODUCE_DATA, and what reading a file throws
 */
export const readPaper = async (directory: string): Promise<PaperTables> => {
  const [fourth, second] = [join(directory, 'table-4.json'), join(directory, 'table-2b.json')];
  const [perplexities, gaps] = [await rowsIn(fourth), await rowsIn(second)];
  const rows = perplexities['rows'] as unknown[];
  const wrong = rows.findIndex((row) => !isPerplexities(row));
  if (wrong >= 0)
    throw new ReproductionError(
      'QL_REPRODUCE_DATA',
      `${fourth}: row ${wrong} lacks a model, a mean or a dataset's value. Restore the file.`,
    );
  return { perplexities: rows as PaperPerplexities[], gaps: gaps['rows'] as PaperGap[], meanGap: gaps['mean'] as number };
};

/** The mean that a row means: the printed one, or what a misprint stands for. */
export const meantMean = ({ mean, misprint }: PaperPerplexities): number => misprint?.meant ?? mean;
