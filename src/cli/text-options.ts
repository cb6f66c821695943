import type { Command } from 'commander';
import { CorpusError, FILE_TYPES, FORMAT_NAMES, planText, PUBLISHED_DATASETS, SPLITS, STDIN } from '../corpus/index.js';
import type { FileType, DatasetSplit, TextPlan, TextPurpose, TextShape } from '../corpus/index.js';
import { option } from './option.js';
import { filled, oneOf, wholeNumber, type OptionParser } from './option-parsers.js';
import { UsageError } from './usage-error.js';

/** What commander collects for the options of `addTextOptions`. */
export interface TextFlags {
  readonly format?: string;
  readonly field?: string;
  readonly template?: string;
  readonly chatTemplate?: boolean;
  readonly sourceTokens?: number;
  readonly targetTokens?: number;
  readonly split?: DatasetSplit;
  readonly fileType?: FileType;
}

/** The same for the text of `compare`, whose calibration has the plain names. */
export type PrefixedTextFlags = { readonly [Name in keyof TextFlags as `text${Capitalize<Name>}`]: TextFlags[Name] };

/** What the options that name a text take. */
export const TEXT_SOURCES = `${PUBLISHED_DATASETS.map(({ name }) => name).join(', ')} (from the Hub); a file or pattern: .txt, .jsonl, .json, .csv, .tsv or .parquet, also .gz or .zst; - for standard input`;

/**
 * Adds the options that say how the records of a text are read.
 *
 * @param of option that names the text
 * @param prefix goes before each name
 */
export const addTextOptions = (command: Command, of: string, prefix: '' | 'text-' = ''): Command => {
  const flag = (name: string, value = ''): string => `--${prefix}${name}${value}`;
  const add = (name: string, value: string, description: string, read: OptionParser<string | number>): Command =>
    command.addOption(option(flag(name, ` <${value}>`), `${of}: ${description}`, read));
  add(
    'format',
    'name',
    `shape of the records, ${FORMAT_NAMES.join(', ')} (default: the dataset's own; else the field chosen, text, or prompt + completion)`,
    filled(flag('format')),
  );
  add('field', 'path', 'field that holds the text, like data.0.text', filled(flag('field')));
  add('template', 'text', "text with fields in it, like 'Q: {question}\\nA: {answer}'", filled(flag('template')));
  command.option(flag('chat-template'), `${of}: write conversations as the model's own chat template does`);
  add(
    'source-tokens',
    'n',
    'cut what is asked to n tokens, BOS included, in formats of pairs (default: 1024)',
    wholeNumber(flag('source-tokens'), 1),
  );
  add(
    'target-tokens',
    'n',
    'cut what is answered to n tokens, EOS included, in formats of pairs (default: 256)',
    wholeNumber(flag('target-tokens'), 1),
  );
  add(
    'split',
    SPLITS.join('|'),
    'part of the dataset; of files, train or test as the QLoRA recipe divides a dataset (1024 test records)',
    oneOf(flag('split'), SPLITS),
  );
  add(
    'file-type',
    FILE_TYPES.join('|'),
    'what files or standard input hold, where the name does not say',
    oneOf(flag('file-type'), FILE_TYPES),
  );
  return command;
};

/** Options of `addTextOptions` in a message. */
const SHAPE_OPTION = /--(format|field|template|chat-template|source-tokens|target-tokens|split|file-type)\b/g;

/** The flags of `addTextOptions` with the prefix `text-`. */
export const unprefixed = (flags: PrefixedTextFlags): TextFlags =>
  Object.fromEntries(
    Object.entries(flags)
      .filter(([name]) => /^text[A-Z]/.test(name))
      .map(([name, value]) => [name.charAt(4).toLowerCase() + name.slice(5), value as unknown]),
  );

/** How a text is read, as far as flags say; undefined where they say nothing. */
export const textShape = (flags: TextFlags): TextShape | undefined => {
  const { format, field, template, chatTemplate, sourceTokens, targetTokens, split, fileType } = flags;
  const shape = {
    ...(format !== undefined && { format }),
    ...(field !== undefined && { field }),
    ...(template !== undefined && { template }),
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(sourceTokens !== undefined && { sourceTokens }),
    ...(targetTokens !== undefined && { targetTokens }),
    ...(split !== undefined && { split }),
    ...(fileType !== undefined && { fileType }),
  };
  return Object.keys(shape).length ? shape : undefined;
};

/**
 * Decides how a text is read, before any model is opened.
 *
 * @param prefix goes before the names of the options that were typed
 * @throws UsageError QL_USAGE for options that exclude each other or do not apply to this source
 */
export const planSource = (source: string, shape: TextShape | undefined, purpose: TextPurpose, prefix: '' | 'text-' = ''): TextPlan => {
  try {
    return planText(source, shape ?? {}, purpose);
  } catch (error) {
    if (error instanceof CorpusError) throw new UsageError(error.message.replace(SHAPE_OPTION, `--${prefix}$1`));
    throw error;
  }
};

/**
 * Refuses two texts that both come from standard input.
 *
 * @throws UsageError QL_USAGE
 */
export const checkStdin = (calibration: string, text: string): void => {
  if (calibration === STDIN && text === STDIN)
    throw new UsageError('--calibration - and --text - both read standard input, which comes once. Save one of them to a file.');
};
