import { Template } from '@huggingface/jinja';
import { withinTime } from '../../foundation/index.js';
import { CorpusError, TokenizerError } from '../errors.js';
import type { Tokenizer } from '../tokenizer.js';

/** Milliseconds that a template, which is a program of the checkpoint's author, may take for one record. */
const LONGEST_MS = 10_000;

/** Writes the messages of one record as a model's chat template does. */
export type RenderChat = (messages: readonly unknown[], where: string) => string;

/** Takes today's date from a template; its line end is trimmed with the block, so the template begins as it did. */
const WITHOUT_DATE = '{% set strftime_now = undefined %}\n';

/**
 * Prepares a model's own chat template (`apply_chat_template(messages, tokenize=False)` of transformers).
 *
 * A template never sees today's date, which would give other tokens every day: `strftime_now` is not defined, as in
 * versions of transformers without it.
 *
 * @throws TokenizerError QL_CHAT_TEMPLATE where the checkpoint has none, or one that is no Jinja; what comes back throws
 *   CorpusError QL_CHAT_TEMPLATE for messages that the template refuses
 */
export const renderChat = ({ chatTemplate, bosToken, eosToken }: Tokenizer): RenderChat => {
  if (chatTemplate === undefined)
    throw new TokenizerError(
      'QL_CHAT_TEMPLATE',
      'This checkpoint has no chat template (neither in tokenizer_config.json nor as chat_template.jinja): it is a base model. Leave --chat-template out; --format chat or slimorca writes conversations plainly.',
    );
  let template: Template;
  try {
    template = new Template(WITHOUT_DATE + chatTemplate);
  } catch (cause) {
    throw new TokenizerError(
      'QL_CHAT_TEMPLATE',
      `The chat template of this checkpoint can't be parsed (${String(cause)}). Leave --chat-template out and pass --format chat or slimorca.`,
      cause,
    );
  }
  const given = { bos_token: bosToken ?? '', eos_token: eosToken ?? '', add_generation_prompt: false };
  return (messages, where) => {
    try {
      return withinTime(LONGEST_MS, () => template.render({ ...given, messages }));
    } catch (cause) {
      throw new CorpusError(
        'QL_CHAT_TEMPLATE',
        `${where}: the model's chat template refuses these messages (${String(cause)}). Remove the record, or pass --format chat or slimorca without --chat-template.`,
        cause,
      );
    }
  };
};
