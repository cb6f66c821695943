import t from 'tap';
import { standInCharacters } from '../../../src/corpus/encoding/stand-in-characters.js';
import { translateOniguruma } from '../../../src/corpus/encoding/translate-oniguruma.js';
import { rangesOf, unicodeGolden } from './unicode-golden.js';

const oniguruma = Object.entries(unicodeGolden.classes).filter(([source]) => /^[.\\(]/u.test(source));

t.test('every code point is in the classes that Oniguruma puts it into', async (t) => {
  t.ok(oniguruma.length > 15);
  for (const [source, ranges] of oniguruma) {
    const pattern = new RegExp(`^${translateOniguruma(source).source}$`, 'u');
    t.same(
      rangesOf((character) => pattern.test(standInCharacters(character))),
      ranges,
      source,
    );
  }
});

t.test('a text keeps its length and its other characters', async (t) => {
  const text = 'a\u{1e6c0}\u088f\u{10d40}z\u{1f600}';
  t.same(
    Array.from(standInCharacters(text), (character) => character.length),
    [1, 2, 1, 2, 1, 2],
  );
  t.match(standInCharacters(text), /^a..\u{104a0}z\u{1f600}$/u);
  t.equal(standInCharacters('plain, \u00e9 and \u4e2d'), 'plain, \u00e9 and \u4e2d');
});
