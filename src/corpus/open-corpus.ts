import { stat } from 'node:fs/promises';
import { listFiles } from './bytes/list-files.js';
import type { ReadOptions } from './bytes/open-bytes.js';
import type { TextFile } from './bytes/text-file.js';
import { fetchDataset, unknownDataset, type FetchDatasetFile } from './datasets/dataset-files.js';
import { recipeSplit } from './datasets/recipe-split.js';
import { CorpusError } from './errors.js';
import { makeExamples, type Example } from './make-examples.js';
import { planText, requireRecords, type TextPlan, type TextPurpose } from './plan-text.js';
import { countRecords, openRecords } from './records/read-records.js';
import type { RawRecord } from './records/raw-record.js';
import type { TextShape } from './text-shape.js';
import type { Tokenizer } from './tokenizer.js';

/** What opening a source goes by. */
export interface CorpusOptions extends ReadOptions {
  readonly shape?: TextShape | undefined;
  /** How a dataset's name becomes a file; without it names are refused. */
  readonly fetchDatasetFile?: FetchDatasetFile | undefined;
}

/** A source of texts, opened for one tokenizer. */
export interface Corpus {
  readonly plan: TextPlan;
  /** One running text (or several), of which whole windows are taken, or records that stand alone. */
  readonly unit: 'running text' | 'records';
  /** Gives the texts in the order of the source, once. */
  readonly examples: () => AsyncGenerator<Example, void, undefined>;
}

const listSource = async ({ source, dataset, split, shape }: TextPlan, fetch: FetchDatasetFile | undefined): Promise<TextFile[]> => {
  if (dataset) return fetchDataset(dataset, split!, fetch);
  const unknown = unknownDataset(source);
  if (unknown && !(await stat(source).catch(() => undefined))) throw unknown;
  return listFiles(source, shape.fileType);
};

/** Which records belong to the part that is wanted; undefined: all of them. */
const openSplit = async (
  { source, split, dataset }: TextPlan,
  files: readonly TextFile[],
  options: ReadOptions,
): Promise<((index: number) => boolean) | undefined> => {
  const published = dataset?.files[split ?? 'train'] !== undefined && dataset.files[dataset.evaluated] !== undefined;
  if (split === undefined || published) return undefined;
  let records = 0;
  for (const file of files) records += await countRecords(file, options);
  return recipeSplit(records, split, source);
};

/** Records of several files one after the other, the first of which may be open already. */
async function* chain(
  files: readonly TextFile[],
  first: AsyncGenerator<RawRecord, void, undefined> | undefined,
  plan: TextPlan,
  options: ReadOptions,
): AsyncGenerator<RawRecord, void, undefined> {
  for (const [i, file] of files.entries()) yield* i === 0 && first ? first : (await openRecords(file, plan.format, options)).records;
}

async function* select(
  records: AsyncGenerator<RawRecord, void, undefined>,
  belongs: (index: number) => boolean,
): AsyncGenerator<RawRecord, void, undefined> {
  let index = 0;
  for await (const record of records) if (belongs(index++)) yield record;
}

/** Tells whether the files are texts, and refuses a mixture. */
const isPlainText = (files: readonly TextFile[], { source }: TextPlan): boolean => {
  const texts = files.filter(({ type }) => type === 'txt').length;
  if (texts > 0 && texts < files.length)
    throw new CorpusError(
      'QL_TEXT_FORMAT',
      `${source} names ${texts} .txt files and ${files.length - texts} files of records. Give a pattern that names one kind.`,
    );
  return texts > 0;
};

/**
 * Opens a source: a published dataset's name, a file, a glob pattern, or - for standard input.
 *
 * @throws CorpusError for options that do not fit, files that are missing or of unknown kind, unknown names; the errors
 *   of `fetchDatasetFile`; TokenizerError QL_CHAT_TEMPLATE; retrying does not help
 */
export const openCorpus = async (
  source: string,
  tokenizer: Tokenizer,
  purpose: TextPurpose,
  { shape = {}, fetchDatasetFile, ...options }: CorpusOptions = {},
): Promise<Corpus> => {
  const plan = planText(source, shape, purpose);
  const files = await listSource(plan, fetchDatasetFile);
  const belongs = await openSplit(plan, files, options);
  // Standard input says what it is only once it is open.
  const stdin = files[0]!.path === undefined ? await openRecords(files[0]!, plan.format, options) : undefined;
  const isText = stdin ? stdin.type === 'txt' : isPlainText(files, plan);
  if (isText) requireRecords(plan);
  const makeOf = makeExamples(plan, tokenizer, isText);
  return {
    plan,
    unit: isText || plan.format.joinedBy !== undefined ? 'running text' : 'records',
    examples: () => {
      const records = chain(files, stdin?.records, plan, options);
      return makeOf(belongs ? select(records, belongs) : records);
    },
  };
};
