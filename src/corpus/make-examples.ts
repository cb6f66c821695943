import { CorpusError } from './errors.js';
import { cutIds, encodePair, missingEos, type Encoded } from './formats/encode-pair.js';
import { plainConversation } from './formats/plain-conversation.js';
import { RecordFields } from './formats/record-fields.js';
import { renderChat } from './formats/render-chat.js';
import type { TextPlan } from './plan-text.js';
import { MAX_TEXT_BYTES, textTooLong } from './records/decode-text.js';
import type { RawRecord } from './records/raw-record.js';
import type { Tokenizer } from './tokenizer.js';

/** One text on its way to tokens, which are made only when they are needed. */
export interface Example {
  /** As messages name it. */
  readonly where: string;
  /** All that it says; equal for records that say the same, empty for one that says nothing. */
  readonly text: string;
  /** Its tokens as a sample of its own, at most `windowTokens` of them unless it is a pair. */
  readonly sample: (windowTokens: number) => Encoded;
  /** Its tokens as a part of the running text, with what ends it. */
  readonly running: () => Encoded;
}

/** Turns records into examples, in their order. */
export type MakeExamples = (records: AsyncIterable<RawRecord>) => AsyncGenerator<Example, void, undefined>;

/** Ways from what a record says to tokens. */
const exampleMakers = (tokenizer: Tokenizer) => {
  const whole = (text: string, encode: () => number[], end: () => readonly number[]): Omit<Example, 'where'> => ({
    text,
    sample: (windowTokens) => cutIds(encode(), windowTokens),
    running: () => ({ ids: [...encode(), ...end()], truncated: false }),
  });
  const eos = (): readonly number[] => {
    if (tokenizer.eosTokenId === undefined) throw missingEos();
    return [tokenizer.eosTokenId];
  };
  return {
    /** A text, ended by EOS in a running text. */
    ended: (text: string) => whole(text, () => tokenizer.encode(text), eos),
    /** A text that nothing ends. */
    open: (text: string) =>
      whole(
        text,
        () => tokenizer.encode(text),
        () => [],
      ),
    /** A text whose special tokens are written in it. */
    verbatim: (text: string) =>
      whole(
        text,
        () => tokenizer.encodeOrdinary(text),
        () => [],
      ),
    /** What is asked and answered; both ends are its own. */
    pair: (input: string, output: string, tokens: NonNullable<TextPlan['pairTokens']>): Omit<Example, 'where'> => {
      const encode = (): Encoded => encodePair(input, output, tokenizer, tokens);
      return { text: input === '' && output === '' ? '' : `${input}\0${output}`, sample: encode, running: encode };
    },
  };
};

/** Joins the texts of all records into one example. */
async function* joinTexts(texts: AsyncIterable<string>, separator: string, source: string): AsyncGenerator<string, void, undefined> {
  const parts: string[] = [];
  let characters = 0;
  for await (const text of texts) {
    parts.push(text);
    characters += text.length + separator.length;
    if (characters > MAX_TEXT_BYTES) throw textTooLong(`${source}, joined into one text,`);
  }
  yield parts.join(separator);
}

/**
 * Prepares the way from the records of a source to examples.
 *
 * @param isText the records are plain texts, not objects
 * @throws TokenizerError QL_CHAT_TEMPLATE where the model's own is asked for and there is none; what comes back throws
 *   CorpusError QL_TEXT_EMPTY where the whole source has no text, and the errors of the format
 */
export const makeExamples = (plan: TextPlan, tokenizer: Tokenizer, isText: boolean): MakeExamples => {
  const { format, source, shape, pairTokens } = plan;
  const make = exampleMakers(tokenizer);
  const render = shape.chatTemplate ? renderChat(tokenizer) : undefined;
  const fromRecord = ({ where, read }: RawRecord): Example => {
    const value = read();
    if (isText) return { where, ...make.open(value as string) };
    const said = format.read(new RecordFields(value, where));
    if (said.kind === 'text') return { where, ...make.ended(said.text) };
    if (said.kind === 'conversation' && said.turns.length === 0) return { where, ...make.ended('') };
    if (said.kind === 'conversation' && render) return { where, ...make.verbatim(render(said.messages, where)) };
    const { input, output } = said.kind === 'pair' ? said : plainConversation(said.turns, where);
    return { where, ...make.pair(input, output, pairTokens!) };
  };
  const each = async function* (records: AsyncIterable<RawRecord>): AsyncGenerator<Example, void, undefined> {
    for await (const record of records) yield fromRecord(record);
  };
  const texts = async function* (records: AsyncIterable<RawRecord>): AsyncGenerator<string, void, undefined> {
    for await (const example of each(records)) yield example.text;
  };
  const joined = async function* (records: AsyncIterable<RawRecord>): AsyncGenerator<Example, void, undefined> {
    for await (const text of joinTexts(texts(records), format.joinedBy!, source)) yield { where: source, ...make.open(text) };
  };
  return async function* (records) {
    let characters = 0;
    for await (const example of format.joinedBy === undefined || isText ? each(records) : joined(records)) {
      characters += example.text.length;
      yield example;
    }
    if (characters === 0)
      throw new CorpusError(
        'QL_TEXT_EMPTY',
        `${source} holds no text${isText ? '' : ': it has no record, or only empty ones'}. Give a source with text.`,
      );
  };
};
