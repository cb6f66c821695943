import t from 'tap';
import { nearestNames } from '../../../src/corpus/datasets/nearest-names.js';

const names = ['alpaca', 'chip2', 'self-instruct', 'hh-rlhf', 'slimorca', 'wikitext2', 'c4'];

t.test('the nearest comes first, and nothing that is far', async (t) => {
  for (const [typed, first] of [
    ['alpacca', 'alpaca'],
    ['Alpaca', 'alpaca'],
    ['self_instruct', 'self-instruct'],
    ['selfinstrut', 'self-instruct'],
    ['hhrlhf', 'hh-rlhf'],
    ['slim-orca', 'slimorca'],
    ['wikitext', 'wikitext2'],
    ['wikitext-2-raw-v1', 'wikitext2'],
    ['c5', 'c4'],
    ['alpaca-cleaned', 'alpaca'],
    ['pile', undefined],
    ['', undefined],
    ['--', undefined],
  ] as const)
    t.equal(nearestNames(typed, names)[0], first, typed);
});
