import type { Tokenizer } from '../../src/corpus/index.js';

/** Counts how often it is asked, so that tests can tell what was tokenized. */
export interface LetterTokenizer extends Tokenizer {
  readonly seen: string[];
}

/** One token a character, its code point; EOS is 0. */
export const letterTokenizer = (options: { eosTokenId?: number | undefined } = { eosTokenId: 0 }): LetterTokenizer => {
  const seen: string[] = [];
  const encode = (text: string): number[] => {
    seen.push(text);
    return Array.from(text, (letter) => letter.codePointAt(0)!);
  };
  return {
    seen,
    encode,
    encodeOrdinary: encode,
    tokenText: (id) => String.fromCodePoint(id),
    eosTokenId: options.eosTokenId,
    bosTokenId: undefined,
    eosToken: options.eosTokenId === undefined ? undefined : String.fromCodePoint(options.eosTokenId),
    bosToken: undefined,
    chatTemplate: undefined,
    vocabularySize: 0x110000,
  };
};

/** The letters of windows, EOS as "|". */
export const letters = (windows: readonly Int32Array[]): string[] =>
  windows.map((window) => String.fromCodePoint(...window).replaceAll('\0', '|'));
