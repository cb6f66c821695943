import t from 'tap';
import { planSegments } from '../../src/calibration/index.js';
import { random } from '../../src/foundation/index.js';

const SIZES = { runTokens: 512, segmentTokens: 4096 };

t.test('every window is in one run, in order, whatever the lengths', async (t) => {
  const stream = random(4);
  for (let trial = 0; trial < 40; trial++) {
    const few = 1 + stream.below(4);
    const lengths = Array.from({ length: 1 + stream.below(60) }, () => 1 + 100 * stream.below(few));
    const sizes = { runTokens: 1 + stream.below(800), segmentTokens: 1 + stream.below(3000) };
    const segments = planSegments(lengths, 'heldOut', sizes);
    const runs = segments.flatMap((segment) => segment.runs);
    t.same(
      runs.flatMap((run) => Array.from({ length: run.windows }, (_, i) => [run.firstWindow + i, run.windowTokens])),
      lengths.map((length, i) => [i, length]),
    );
    t.same(
      runs.map(({ sequence }) => sequence),
      runs.map((_, i) => i),
    );
    t.ok(runs.every((run) => run.windows === 1 || run.windows * run.windowTokens <= sizes.runTokens));
    segments.forEach((segment, i) => {
      t.match(segment, { index: i, split: 'heldOut' });
      t.equal(
        segment.tokens,
        segment.runs.reduce((sum, run) => sum + run.windows * run.windowTokens, 0),
      );
      const last = segment.runs.at(-1)!;
      t.ok(segment.tokens >= sizes.segmentTokens || i === segments.length - 1, 'no segment ends early');
      t.ok(segment.tokens - last.windows * last.windowTokens < sizes.segmentTokens, 'nor late');
    });
  }
});

t.test('the cut follows from lengths and sizes', async (t) => {
  const lengths = new Array<number>(20).fill(256);
  const segments = planSegments(lengths, 'calibration', SIZES);
  t.same(
    segments.map(({ tokens, runs }) => [tokens, runs.length]),
    [
      [4096, 8],
      [1024, 2],
    ],
  );
  t.same(planSegments(lengths, 'calibration', SIZES), segments);
  t.same(planSegments([...lengths, 100], 'calibration', SIZES)[0], segments[0], 'later windows do not move earlier cuts');
  t.same(
    planSegments([300, 300, 300], 'calibration', { runTokens: 100, segmentTokens: 1e9 })[0]!.runs.map(({ windows }) => windows),
    [1, 1, 1],
    'a window longer than a run is a run of its own',
  );
  t.same(planSegments([], 'calibration', SIZES), []);
});
