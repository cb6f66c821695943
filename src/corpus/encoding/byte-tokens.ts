import type { Vocabulary } from './model.js';

/**
 * Finds the tokens <0x00> … <0xFF> of a text's UTF-8 bytes.
 *
 * @returns a function that gives undefined where the vocabulary lacks one of them
 */
export const byteTokenIds = (vocabulary: Vocabulary): ((text: string) => number[] | undefined) => {
  const ids = Array.from({ length: 256 }, (_, byte) => vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
  return (text) => {
    const found: number[] = [];
    for (const byte of Buffer.from(text, 'utf8')) {
      const id = ids[byte];
      if (id === undefined) return undefined;
      found.push(id);
    }
    return found;
  };
};
