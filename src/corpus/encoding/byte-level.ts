/**
 * The characters that byte-level vocabularies write bytes as, by byte: printable Latin-1 as itself, the others from
 * U+0100 on, in order.
 *
 * Source: GPT-2's encoder.py, bytes_to_unicode.
 */
const BYTE_CHARACTERS: readonly string[] = (() => {
  const isPrintable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

/** Writes a text's UTF-8 bytes as the characters of byte-level vocabularies. */
export const spellBytes = (text: string): string => {
  let spelled = '';
  for (const byte of Buffer.from(text, 'utf8')) spelled += BYTE_CHARACTERS[byte]!;
  return spelled;
};
