import t from 'tap';
import { RoutedRows } from '../../src/calibration/routed-rows.js';

const INPUTS = [
  { name: 'expert_input', width: 2 },
  { name: 'expert_hidden', width: 3 },
];

t.test('rows are given out by expert, as many as were routed to it', async (t) => {
  const asked: [string, number][] = [];
  const routed = new RoutedRows({ experts: 3, expertsPerToken: 2, inputs: INPUTS }, 4, (name, length) => {
    asked.push([name, length]);
    return Float32Array.from({ length }, (_, i) => i);
  });
  t.same(asked, [
    ['expert_input', 16],
    ['expert_hidden', 24],
  ]);
  t.same(routed.fetches['expert_hidden']!.shape, [8, 3]);
  (routed.fetches['expert_tokens']!.data as BigInt64Array).set([3n, 0n, 5n]);
  t.same(routed.counts, [3, 0, 5]);
  t.same([...routed.rowsOf('expert_input', 0)], [0, 1, 2, 3, 4, 5]);
  t.equal(routed.rowsOf('expert_input', 1).length, 0);
  t.same(
    [...routed.rowsOf('expert_hidden', 2)],
    Array.from({ length: 15 }, (_, i) => 9 + i),
  );
  t.equal(routed.rowsOf('expert_hidden', 'all').length, 24);
  t.throws(() => routed.rowsOf('mlp_input', 0), /"mlp_input" was not fetched; fetched were expert_input, expert_hidden/);
});
