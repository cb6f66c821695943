import type { FileType } from './bytes/text-file.js';
import type { DatasetSplit } from './datasets/recipe-split.js';

/** How the records of a source are read; what is left out follows from the source. */
export interface TextShape {
  /** Name of a record format, in place of a published dataset's own; see `FORMAT_NAMES`. */
  readonly format?: string;
  /** Path of the field that holds the text, for records of any other shape. */
  readonly field?: string;
  /** Text with `{field}` in it, for records whose text lies in several fields. */
  readonly template?: string;
  /** Write conversations as the model's own chat template does. */
  readonly chatTemplate?: boolean;
  /** Tokens to which the input of a pair is cut, BOS included; the QLoRA recipe's 1024 when left out. */
  readonly sourceTokens?: number;
  /** Tokens to which the output of a pair is cut, EOS included; the QLoRA recipe's 256 when left out. */
  readonly targetTokens?: number;
  /** Part of the dataset; for files `train` and `test` as the QLoRA recipe divides a dataset, and all records when left out. */
  readonly split?: DatasetSplit;
  /** What the files hold, where their names do not say. */
  readonly fileType?: FileType;
}
