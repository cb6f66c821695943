import { CorpusError } from '../errors.js';
import type { Turn } from './record-format.js';

const MARKERS: Readonly<Record<string, string>> = { user: '### Human: ', assistant: '### Assistant: ' };

const render = ({ role, content }: Turn, where: string): string => {
  if (role === 'system') return content === '' ? '' : `${content}\n\n`;
  const marker = MARKERS[role];
  if (marker !== undefined) return `${marker}${content}`;
  throw new CorpusError(
    'QL_TEXT_FIELD',
    `${where}: a message of the role "${role}"; the plain conversation format has system, user and assistant. Pass --chat-template for the model's own format.`,
  );
};

/**
 * Writes a conversation as what is asked and what is answered, with the markers of QLoRA's own conversations
 * (timdettmers/openassistant-guanaco).
 *
 * The system's text and an empty line; "### Human: " and the user's text; "### Assistant: " and the assistant's text;
 * nothing between turns. The last text of the assistant is the output, all before it the input, what follows is left out.
 *
 * @throws CorpusError QL_TEXT_FIELD where the assistant says nothing, or somebody else speaks
 */
export const plainConversation = (turns: readonly Turn[], where: string): { readonly input: string; readonly output: string } => {
  const last = turns.findLastIndex(({ role }) => role === 'assistant');
  if (last < 0)
    throw new CorpusError(
      'QL_TEXT_FIELD',
      `${where}: the assistant says nothing in this conversation (roles: ${turns.map(({ role }) => role).join(', ') || 'none'}). Remove the record, or pass --chat-template for the model's own format.`,
    );
  const before = turns.slice(0, last).map((turn) => render(turn, where));
  return { input: before.join('') + MARKERS['assistant']!, output: turns[last]!.content };
};
