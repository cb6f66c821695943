import t from 'tap';
import { createProgressMeter } from '../../../src/cli/render/progress-meter.js';
import type { StageEvent } from '../../../src/reports/index.js';

const stage = (block: number, seconds: number, tokens?: number): StageEvent => ({
  type: 'stage',
  stage: tokens === undefined ? 'solve' : 'calibrate',
  block,
  blocks: 4,
  totalTokens: 1000,
  ...(tokens !== undefined && { tokens }),
  seconds,
});

t.test('speed and time left follow from the events', async (t) => {
  const read = createProgressMeter(() => 77);
  t.same(read(stage(0, 0, 0)), { residentBytes: 77 });
  t.same(read(stage(0, 5, 500)), { residentBytes: 77, tokensPerSecond: 25, secondsLeft: 35 });
  t.same(read(stage(0, 10, 1000)), { residentBytes: 77, tokensPerSecond: 25, secondsLeft: 30 });
  t.same(read(stage(0, 20)), { residentBytes: 77, tokensPerSecond: 12.5, secondsLeft: 60 }, 'solving takes time, but no tokens pass');
  t.same(read(stage(3, 80, 1000)), { residentBytes: 77, tokensPerSecond: 12.5, secondsLeft: 0 });
});

t.test('a second pass over the blocks starts anew', async (t) => {
  const read = createProgressMeter(() => 0);
  read(stage(3, 100, 1000));
  t.match(read(stage(0, 100, 0)), { secondsLeft: undefined });
  t.match(read(stage(1, 110, 0)), { secondsLeft: 30, tokensPerSecond: 25 });
});

t.test('events outside the blocks tell memory only', async (t) => {
  const read = createProgressMeter(() => 5);
  t.same(read({ type: 'stage', stage: 'hash', seconds: 1 }), { residentBytes: 5 });
  t.same(read({ type: 'result', result: 0 }), { residentBytes: 5 });
});
