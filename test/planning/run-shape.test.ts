import t from 'tap';
import { planSegments } from '../../src/calibration/index.js';
import { largestRun, largestSegment } from '../../src/planning/run-shape.js';
import { STOCK_FLOATS } from '../../src/planning/choose-layout.js';

t.test('the largest run and segment are those that windows are cut into', async (t) => {
  for (const windowTokens of [64, 100, 128, 384, 512, 700, 5000])
    for (const windows of [1, 3, 40])
      for (const chunks of [
        { runTokens: 512, segmentTokens: 4096 },
        { runTokens: 128, segmentTokens: 512 },
      ]) {
        const segments = planSegments(Array<number>(windows).fill(windowTokens), 'calibration', chunks);
        const run = { floats: { ...STOCK_FLOATS, ...chunks }, windowTokens, calibrationTokens: windows * windowTokens, heldOutTokens: 0 };
        const runs = segments.flatMap((segment) => segment.runs.map((each) => each.windows * each.windowTokens));
        const label = `${windows} windows of ${windowTokens}, ${chunks.runTokens} a run`;
        t.ok(largestRun(run) >= Math.max(...runs), label);
        t.ok(largestSegment(run) >= Math.max(...segments.map(({ tokens }) => tokens)), label);
        if (windows === 40) t.equal(largestRun(run), Math.max(...runs), label);
      }
});
