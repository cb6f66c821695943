import type { RecordFormat } from './record-format.js';

const textFormat = (name: string, joinedBy?: string): RecordFormat => ({
  name,
  kind: 'text',
  fields: ['text'],
  required: ['text'],
  ...(joinedBy !== undefined && { joinedBy }),
  read: (record) => ({ kind: 'text', text: record.text('text') }),
});

/**
 * Records with a field `text`, each a text of its own.
 *
 * `wikitext2`: lines of articles, joined with an empty line between them into one long text and tokenized as a whole,
 * as GPTQ's and AWQ's perplexities are measured.
 */
export const TEXT_FORMATS: readonly RecordFormat[] = [textFormat('text'), textFormat('wikitext2', '\n\n')];
