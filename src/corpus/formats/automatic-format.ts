import { listFields, type RecordFields } from './record-fields.js';
import type { RecordFormat } from './record-format.js';

const FIELDS = ['chosen', 'text', 'prompt', 'completion'] as const;

/** What to pass for a record whose fields this format does not know. */
export type Advise = (record: RecordFields) => string;

/**
 * The format of records for which none was named: the text is the first of `chosen`, `text` and `prompt` + `completion`
 * that is not empty.
 *
 * @param advise names the option that would read a record that has none of these
 */
export const automaticFormat = (advise: Advise): RecordFormat => ({
  name: 'automatic',
  kind: 'text',
  fields: FIELDS,
  required: [],
  read: (record) => {
    const prompt = record.optionalText('prompt');
    const completion = record.optionalText('completion');
    const pair = prompt === undefined || completion === undefined ? undefined : prompt + completion;
    const candidates = [record.optionalText('chosen'), record.optionalText('text'), pair].filter((text) => text !== undefined);
    const text = candidates.find((candidate) => candidate !== '') ?? candidates[0];
    if (text !== undefined) return { kind: 'text', text };
    throw record.wrong(
      ` has the fields ${listFields(record.names)}; the text is taken from "chosen", "text", or "prompt" and "completion". ${advise(record)}`,
    );
  },
});
