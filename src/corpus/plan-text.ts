import { STDIN } from './bytes/list-files.js';
import { namedFileType } from './bytes/text-file.js';
import { findDataset, type PublishedDataset } from './datasets/published-datasets.js';
import { SPLITS, type DatasetSplit } from './datasets/recipe-split.js';
import { CorpusError } from './errors.js';
import { fieldFormat, templateFormat } from './formats/custom-formats.js';
import { ANY_CONVERSATION, AUTOMATIC_FORMAT, findFormat } from './formats/find-format.js';
import { RECIPE_TOKENS, type PairTokens } from './formats/encode-pair.js';
import type { RecordFormat } from './formats/record-format.js';
import type { TextShape } from './text-shape.js';

/** What a text is for: a dataset's name stands for its training part, or for the part it is evaluated on. */
export type TextPurpose = 'calibration' | 'evaluation';

/** How a source is going to be read. */
export interface TextPlan {
  readonly source: string;
  readonly shape: TextShape;
  /** Undefined: files, or standard input. */
  readonly dataset: PublishedDataset | undefined;
  readonly format: RecordFormat;
  /** To what input and output are cut; undefined where records are no pairs. */
  readonly pairTokens: PairTokens | undefined;
  /** Part of the dataset; undefined: all records. */
  readonly split: DatasetSplit | undefined;
}

const refuse = (message: string): CorpusError => new CorpusError('QL_TEXT_SHAPE', message);

/** Options as a user types them. */
const FLAGS = {
  format: '--format',
  field: '--field',
  template: '--template',
  chatTemplate: '--chat-template',
  sourceTokens: '--source-tokens',
  targetTokens: '--target-tokens',
  split: '--split',
  fileType: '--file-type',
} as const satisfies Record<keyof TextShape, string>;

const given = (shape: TextShape, ...names: readonly (keyof TextShape)[]): string[] =>
  names.filter((name) => shape[name] !== undefined && shape[name] !== false).map((name) => FLAGS[name]);

const chooseFormat = (shape: TextShape, dataset: PublishedDataset | undefined): RecordFormat => {
  if (shape.field !== undefined) return fieldFormat(shape.field);
  if (shape.template !== undefined) return templateFormat(shape.template);
  const name = shape.format ?? dataset?.format;
  if (name !== undefined) return findFormat(name);
  return shape.chatTemplate ? ANY_CONVERSATION : AUTOMATIC_FORMAT;
};

/** Refuses options that a text without records can't obey. */
const checkPlainText = (source: string, shape: TextShape): void => {
  const [flag] = given(shape, 'format', 'field', 'template', 'chatTemplate', 'sourceTokens', 'targetTokens', 'split');
  if (flag !== undefined) throw refuse(`${source} is one text without records, so ${flag} does not apply. Leave it out.`);
};

const chooseSplit = (source: string, { split }: TextShape, dataset: PublishedDataset | undefined, purpose: TextPurpose) => {
  if (!dataset) {
    if (split !== undefined && source === STDIN)
      throw new CorpusError(
        'QL_TEXT_SPLIT',
        '--split needs two passes over the records, the first to count them, and standard input comes once. Save it to a file.',
      );
    return split;
  }
  const parts = SPLITS.filter((part) => dataset.files[part] !== undefined || part === dataset.evaluated);
  const chosen = split ?? (purpose === 'calibration' ? 'train' : dataset.evaluated);
  if (parts.includes(chosen)) return chosen;
  throw new CorpusError('QL_TEXT_SPLIT', `${source} has no part "${chosen}"; it has ${parts.join(', ')}.`);
};

/**
 * Decides how a source is read, before anything is opened.
 *
 * @throws CorpusError QL_TEXT_SHAPE for options that exclude each other or do not apply, QL_FORMAT_UNKNOWN,
 *   QL_TEXT_SPLIT; retrying does not help
 */
export const planText = (source: string, shape: TextShape, purpose: TextPurpose): TextPlan => {
  const dataset = findDataset(source);
  const chosen = given(shape, 'format', 'field', 'template');
  if (chosen.length > 1) throw refuse(`${chosen.join(' and ')} exclude each other: give the one that fits the records of ${source}.`);
  if (dataset && shape.fileType !== undefined)
    throw refuse(`${source} is a published dataset, so --file-type does not apply. Leave it out.`);
  if (!dataset && (shape.fileType ?? namedFileType(source).type) === 'txt') checkPlainText(source, shape);
  const format = chooseFormat(shape, dataset);
  if (shape.chatTemplate && format.kind !== 'conversation')
    throw refuse(
      `--chat-template writes conversations, and ${shape.format === undefined && chosen.length ? chosen[0]! : `the format "${format.name}"`} reads none. Leave one of them out; the formats of conversations are chat and slimorca.`,
    );
  const isPair = format.kind === 'pair' || (format.kind === 'conversation' && !shape.chatTemplate);
  const [limit] = given(shape, 'sourceTokens', 'targetTokens');
  if (!isPair && limit !== undefined)
    throw refuse(
      `${limit} cuts what is asked and what is answered apart, and ${source} is read as whole texts${format === AUTOMATIC_FORMAT ? '. Name the format with --format' : ` (${format.name})`}; whole texts are cut by --window.`,
    );
  return {
    ...{ source, shape, dataset, format },
    pairTokens: isPair
      ? { source: shape.sourceTokens ?? RECIPE_TOKENS.source, target: shape.targetTokens ?? RECIPE_TOKENS.target }
      : undefined,
    split: chooseSplit(source, shape, dataset, purpose),
  };
};

/**
 * Refuses what a source turns out to be: one text, where records were expected.
 *
 * @throws CorpusError QL_TEXT_SHAPE
 */
export const requireRecords = ({ source, shape }: TextPlan): void => checkPlainText(source === STDIN ? 'Standard input' : source, shape);
