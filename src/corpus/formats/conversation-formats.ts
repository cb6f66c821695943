import type { RecordFields } from './record-fields.js';
import type { RecordFormat, Turn } from './record-format.js';

type Json = Readonly<Record<string, unknown>>;

/** ShareGPT's names of the roles. */
const SHAREGPT_ROLES: Readonly<Record<string, string>> = {
  system: 'system',
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
};

/** The text of a message's content: a string, or parts that are all text. */
const contentText = (content: unknown): string | undefined => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.map((part: unknown) => {
    const { type, text } = (typeof part === 'object' && part !== null ? part : {}) as Json;
    return type === 'text' && typeof text === 'string' ? text : undefined;
  });
  return texts.every((text) => text !== undefined) ? texts.join('') : undefined;
};

const readMessages = (record: RecordFields, field: string, roleField: string, textField: string) =>
  record.list(field).map((message, i) => {
    const { [roleField]: role, [textField]: content } = (typeof message === 'object' && message !== null ? message : {}) as Json;
    if (typeof role === 'string') return { role, content, message };
    throw record.wrong(`: message ${i + 1} of "${field}" has no "${roleField}", which says who speaks.`);
  });

/** A turn's text; a message without any (a tool call) has the empty one, and only a model's own template sees more. */
const asTurn = (record: RecordFields, field: string, role: string, content: unknown): Turn => {
  const text = content === undefined || content === null ? '' : contentText(content);
  if (text !== undefined) return { role, content: text };
  throw record.wrong(`: a message of "${field}" holds something other than text. quailora calibrates on text only; remove the record.`);
};

/**
 * Records that hold a conversation.
 *
 * | format | record |
 * |---|---|
 * | `slimorca` | `conversations`: a list of `{from: system, human or gpt, value}` (ShareGPT) |
 * | `chat` | `messages`: a list of `{role: system, user or assistant, content}` (OpenAI) |
 */
export const CONVERSATION_FORMATS: readonly RecordFormat[] = [
  {
    name: 'slimorca',
    kind: 'conversation',
    fields: ['conversations'],
    required: ['conversations'],
    read: (record) => {
      const turns = readMessages(record, 'conversations', 'from', 'value').map(({ role, content }) =>
        asTurn(record, 'conversations', SHAREGPT_ROLES[role] ?? role, content),
      );
      return { kind: 'conversation', turns, messages: turns };
    },
  },
  {
    name: 'chat',
    kind: 'conversation',
    fields: ['messages'],
    required: ['messages'],
    read: (record) => {
      const messages = readMessages(record, 'messages', 'role', 'content');
      const turns = messages.map(({ role, content }) => asTurn(record, 'messages', role, content));
      return { kind: 'conversation', turns, messages: messages.map(({ message }) => message) };
    },
  },
];
