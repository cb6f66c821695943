import { CorpusError } from '../errors.js';
import { nearestNames } from '../datasets/nearest-names.js';
import { automaticFormat } from './automatic-format.js';
import { CONVERSATION_FORMATS } from './conversation-formats.js';
import { PAIR_FORMATS } from './pair-formats.js';
import type { RecordFields } from './record-fields.js';
import type { RecordFormat } from './record-format.js';
import { TEXT_FORMATS } from './text-formats.js';

/** Formats that come with quailora; a new one is one more entry of its table. */
const FORMATS: readonly RecordFormat[] = [...PAIR_FORMATS, ...CONVERSATION_FORMATS, ...TEXT_FORMATS];

/** Names that `--format` takes. */
export const FORMAT_NAMES: readonly string[] = FORMATS.map(({ name }) => name);

/**
 * Finds a format by its name.
 *
 * @throws CorpusError QL_FORMAT_UNKNOWN naming the nearest ones
 */
export const findFormat = (name: string): RecordFormat => {
  const found = FORMATS.find((format) => format.name === name);
  if (found) return found;
  const [nearest] = nearestNames(name, FORMAT_NAMES);
  throw new CorpusError(
    'QL_FORMAT_UNKNOWN',
    `There is no format "${name}".${nearest === undefined ? '' : ` Did you mean "${nearest}"?`} The formats are ${FORMAT_NAMES.join(', ')}; any other record is read with --field or --template.`,
  );
};

const isConversation = (record: RecordFields, field: string): boolean => Array.isArray(record.value(field));

const advise = (record: RecordFields): string => {
  const conversation = CONVERSATION_FORMATS.find(({ required: [field] }) => isConversation(record, field!));
  if (conversation)
    return `"${conversation.required[0]!}" is a conversation: pass --chat-template to write it as the model's own template does (for a chat model), or --format ${conversation.name} for a base model.`;
  const fitting = FORMATS.filter(({ required }) => required.every((field) => record.has(field))).map(({ name }) => name);
  if (fitting.length) return `These look like records of --format ${fitting.join(' or ')}.`;
  return 'Name the field that holds it with --field, or put several together with --template.';
};

/** The format of records for which none was named. */
export const AUTOMATIC_FORMAT: RecordFormat = automaticFormat(advise);

/** The format of conversations for which none was named: by the field that a record has. */
export const ANY_CONVERSATION: RecordFormat = {
  name: 'conversation',
  kind: 'conversation',
  fields: CONVERSATION_FORMATS.flatMap(({ fields }) => fields),
  required: [],
  read: (record) => {
    const format = CONVERSATION_FORMATS.find(({ required: [field] }) => isConversation(record, field!));
    if (format) return format.read(record);
    throw record.wrong(
      ` has the fields ${record.names.map((name) => `"${name}"`).join(', ') || '(none)'}; --chat-template reads conversations, a list "messages" or "conversations". Leave --chat-template out for these records.`,
    );
  },
};
