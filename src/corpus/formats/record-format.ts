import type { RecordFields } from './record-fields.js';

/** One message of a conversation. */
export interface Turn {
  /** `system`, `user`, `assistant`, or a role that only a model's own template knows (`tool`, …). */
  readonly role: string;
  readonly content: string;
}

/** What a record says. */
export type FormattedRecord =
  /** One text. */
  | { readonly kind: 'text'; readonly text: string }
  /** What is asked and what is to be answered, tokenized apart (the QLoRA recipe). */
  | { readonly kind: 'pair'; readonly input: string; readonly output: string }
  /** Messages: a pair by the plain conversation format, or one text by the model's own chat template. */
  | { readonly kind: 'conversation'; readonly turns: readonly Turn[]; readonly messages: readonly unknown[] };

/** A dataset format: where a record's text is. */
export interface RecordFormat {
  /** As `--format` takes it. */
  readonly name: string;
  readonly kind: FormattedRecord['kind'];
  /** Outermost fields that it reads. */
  readonly fields: readonly string[];
  /** Fields that a record of this format has, by which messages recognize it. */
  readonly required: readonly string[];
  /** Texts are joined by this into one; undefined: each record stands alone. */
  readonly joinedBy?: string;
  /**
   * Reads a record.
   *
   * @throws CorpusError QL_TEXT_FIELD naming the record and the field
   */
  readonly read: (record: RecordFields) => FormattedRecord;
}
