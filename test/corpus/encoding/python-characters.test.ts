import t from 'tap';
import {
  COMBINING_MARKS,
  DROPPED_CONTROLS,
  NONSPACING_MARKS,
  NUMERIC,
  PUNCTUATION,
} from '../../../src/corpus/encoding/python-characters.js';
import { rangesOf, unicodeGolden } from './unicode-golden.js';

t.test('every code point is in the classes that Python puts it into', async (t) => {
  const classes = {
    Punctuation: PUNCTUATION,
    Digits: NUMERIC,
    clean_text: DROPPED_CONTROLS,
    strip_accents: NONSPACING_MARKS,
    StripAccents: COMBINING_MARKS,
    WhitespaceSplit: '\\p{White_Space}',
  };
  for (const [name, characters] of Object.entries(classes)) {
    const pattern = new RegExp(`^${characters}$`, 'u');
    t.same(
      rangesOf((character) => pattern.test(character)),
      unicodeGolden.classes[name],
      name,
    );
  }
});
