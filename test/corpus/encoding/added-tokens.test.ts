import t from 'tap';
import { createTokenSearch, type AddedToken } from '../../../src/corpus/encoding/added-tokens.js';

const token = (id: number, content: string, flags: Partial<AddedToken> = {}): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...flags,
});

const find = (tokens: readonly AddedToken[], text: string, spelling = (content: string) => content) =>
  createTokenSearch(tokens, spelling)(text, true).map((stretch) => ('id' in stretch ? stretch.id : stretch.text));

t.test('the longest at each place, from left to right', async (t) => {
  const tokens = [token(1, '<a>'), token(2, '<a><b>'), token(3, 'b>c')];
  t.same(find(tokens, 'x<a><b>c<a>'), ['x', 2, 'c', 1]);
  t.same(find(tokens, '<a><a><b>'), [1, 2]);
  t.same(find(tokens, '<a'), ['<a']);
  t.same(find([], 'text'), ['text']);
  t.same(find(tokens, ''), []);
});

t.test('takes white space along', async (t) => {
  t.same(find([token(1, '<l>', { lstrip: true })], 'a \u3000<l> b'), ['a', 1, ' b']);
  t.same(find([token(1, '<r>', { rstrip: true })], 'a <r>\u0085 b\ufeff'), ['a ', 1, 'b\ufeff']);
  t.same(find([token(1, '<l>', { lstrip: true }), token(2, '<r>', { rstrip: true })], '<r>  <l>'), [2, 1]);
  t.same(find([token(1, '<r>', { rstrip: true }), token(2, '  ')], '<r>  x'), [1, 2, 'x'], 'and finds a token in it, as Python does');
  t.same(find([token(1, '<r>', { rstrip: true }), token(2, '  ')], '<r>   x'), [1, 2, ' x']);
});

t.test('single words', async (t) => {
  const tokens = [token(1, 'lone', { single_word: true })];
  t.same(find(tokens, 'lone, alone lone1 \u{1d400}lone lone'), [1, ', alone lone1 \u{1d400}lone ', 1]);
});

t.test('looks for another spelling, and says which text comes first', async (t) => {
  const search = createTokenSearch([token(1, 'A')], (content) => content.toLowerCase());
  t.same(search('xay', true), [{ text: 'x', first: true }, { id: 1 }, { text: 'y', first: false }]);
  t.same(search('ay', true), [{ id: 1 }, { text: 'y', first: false }]);
  t.same(search('y', false), [{ text: 'y', first: false }]);
});
