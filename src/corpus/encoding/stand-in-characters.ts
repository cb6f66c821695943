import { codePointClass } from './code-point-class.js';

/**
 * Characters that Oniguruma 6.9 (Unicode 16) and some version of Node (Unicode 15.1 to 17) put into different
 * categories, with the stand-ins that both agree on: one of the Basic Multilingual Plane, one of the others, so that a
 * text keeps its length. Assigned in Unicode 16, by category; changed or assigned in Unicode 17.
 */
const STAND_INS: readonly (readonly [ranges: string, basic: string, supplementary: string])[] = [
  ['897 10d69-10d6d 10efc 113bb-113c0 113ce 113d0 113d2 113e1-113e2 11f5a 1611e-16129 1612d-1612f 1e5ee-1e5ef', '\u05bf', '\u{101fd}'], // Mn
  ['113b8-113ba 113c2 113c5 113c7-113ca 113cc-113cd 113cf 1612a-1612c', '\u0903', '\u{11000}'], // Mc
  ['1b4e-1b4f 1b7f 10d6e 113d4-113d5 113d7-113d8 11be1 16d6d-16d6f 1e5ff', '\u055a', '\u{10100}'], // P
  ['1c89 a7cb-a7cc a7da a7dc 10d50-10d65', '\u0531', '\u{10400}'], // Lu
  ['295 1c8a a7cd a7db 10d70-10d85', '\u0561', '\u{10428}'], // Ll
  ['10d4e 10d6f 16d40-16d42 16d6b-16d6c', '\u02b0', '\u{10780}'], // Lm
  [
    '105c0-105f3 10d4a-10d4d 10d4f 10ec2-10ec4 11380-11389 1138b 1138e 11390-113b5 113b7 113d1 113d3 11bc0-11be0 13460-143fa 16100-1611d 16d43-16d6a 18cff 1e5d0-1e5ed 1e5f0',
    '\ua000',
    '\u{10000}',
  ], // Lo
  ['10d40-10d49 116d0-116e3 11bf0-11bf9 16130-16139 16d70-16d79 1ccf0-1ccf9 1e5f1-1e5fa', '\u0660', '\u{104a0}'], // Nd
  [
    '2427-2429 31e4-31e5 10d8e-10d8f 1cc00-1ccef 1cd00-1ceb3 1f8b2-1f8bb 1f8c0-1f8c1 1fa89 1fa8f 1fabe 1fac6 1fadc 1fadf 1fae9 1fbcb-1fbef',
    '\u2400',
    '\u{1d300}',
  ], // S
  [
    '88f c5c cdc 1acf-1add 1ae0-1aeb 20c1 2b96 a7ce-a7cf a7d2 a7d4 a7f1 fbc3-fbd2 fd90-fd91 fdc8-fdce 10940-10959 10ec5-10ec7 10ed0-10ed8 10efa-10efb 11b60-11b67 11db0-11ddb 11de0-11de9 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1ccfa-1ccfc 1ceba-1ced0 1cee0-1cef0 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 1f777-1f77a 1f8d0-1f8d8 1fa54-1fa57 1fa8a 1fa8e 1fac8 1facd 1faea 1faef 1fbfa 2b73a-2b73f 2cea2-2cead 323b0-33479',
    '\uffff',
    '\u{10ffff}',
  ], // not assigned in Unicode 16
];

const REPLACED = new RegExp(`[${STAND_INS.map(([ranges]) => codePointClass(ranges)).join('')}]`, 'u');

const replacements = STAND_INS.map(([ranges, basic, supplementary]) => ({
  pattern: new RegExp(`[${codePointClass(ranges)}]`, 'gu'),
  standIn: (character: string) => (character.length === 1 ? basic : supplementary),
}));

/**
 * Replaces the characters about whose category Node and Oniguruma disagree, so that a regular expression finds in the
 * result what Oniguruma finds in the text. Positions (UTF-16) stay the same; the result serves for matching only.
 *
 * Source: every code point, compared with tokenizers 0.23; test/fixtures/tokenizer/unicode.json.gz holds them.
 */
export const standInCharacters = (text: string): string =>
  REPLACED.test(text) ? replacements.reduce((result, { pattern, standIn }) => result.replace(pattern, standIn), text) : text;
