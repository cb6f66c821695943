import t from 'tap';
import { matchesPattern } from '../../src/evaluation/matches-pattern.js';

const MODULE = 'model.layers.0.self_attn.q_proj';
const matches = (pattern: string, of: 'whole' | 'end' = 'end'): boolean => matchesPattern({ key: 'rank_pattern', pattern, of }, MODULE);

t.test('the end of a name, or the whole of it', async (t) => {
  t.same([matches('q_proj'), matches('self_attn.q_proj'), matches('proj'), matches('.*0.*q_proj')], [true, true, false, true]);
  t.same([matches('q_proj', 'whole'), matches('.*q_proj', 'whole'), matches(MODULE, 'whole')], [false, true, true]);
});

t.test('patterns that are none, or never end, are refused', async (t) => {
  const refused = { code: 'QL_ADAPTER_CONFIG', message: /"rank_pattern" has a pattern/ };
  t.throws(() => matches('('), refused);
  t.throws(() => matches('(?:(?:[a-z_.0-9]+)+)+!'), refused);
  t.throws(() => matches('x'.repeat(300_000)), refused);
});
