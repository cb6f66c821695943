import t from 'tap';
import { translateOniguruma } from '../../../src/corpus/encoding/translate-oniguruma.js';

const pieces = (source: string, text: string): string[] => text.match(translateOniguruma(source)) ?? [];

t.test('white space is White_Space, without U+FEFF and with U+0085', async (t) => {
  t.same(pieces('\\s+', 'a\ufeff\u0085 b'), ['\u0085 ']);
  t.same(pieces('[^\\s]+', '\ufeff\u0085a'), ['\ufeff', 'a']);
});

t.test('ignoring case folds the long s and the Kelvin sign', async (t) => {
  t.same(pieces("(?i:'s|'t)", "'S '\u017f 'T"), ["'S", "'\u017f", "'T"]);
  t.same(pieces("'(?i:[sdmt]|ll)", "'\u017f 'LL 'x"), ["'\u017f", "'LL"]);
  t.same(pieces('(?i:k)k', 'Kk \u212ak kK'), ['Kk', '\u212ak'], 'only inside the group');
});

t.test('possessive quantifiers and atomic groups do not give back', async (t) => {
  t.same(pieces('a++a|b', 'aaab'), ['b']);
  t.same(pieces('[ab]*+b|c', 'abc'), ['c']);
  t.same(pieces('x?+x|y', 'xy'), ['y']);
  t.same(pieces('(?>a|ab)c', 'abc ac'), ['ac']);
  t.same(pieces('(?:ab)++', 'ababab'), ['ababab']);
  t.same(pieces('a{1,2}+b', 'aaaab'), ['aaaab'], 'repeated, as in Ruby');
  t.same(pieces('a+?b?', 'aab'), ['a', 'ab'], 'lazy ones stay lazy');
});

t.test("BLOOM's class within a class", async (t) => {
  const bloom = ' ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+';
  t.same(pieces(bloom, 'a (b), c|d'), ['a', 'b', ' c', 'd']);
});

t.test('what has no exact translation is refused', async (t) => {
  const refuse = (source: string, message: RegExp) =>
    t.throws(() => translateOniguruma(source), { code: 'QL_TOKENIZER_UNSUPPORTED', message });
  refuse('(?i:stra\u00dfe)', /Ignoring the case of "st"/);
  refuse('(?i:\u00e9)', /Ignoring the case/);
  refuse('(?i)a', /The group "\(\?i\)"/);
  refuse('(a)\\1', /The escape "\\1"/);
  refuse('\\Ga', /The escape "\\G"/);
  refuse('[a', /class without an end/);
  refuse('a)', /group without a beginning/);
  refuse('\\p{Nothing}', /no translation/);
});
