import t from 'tap';
import type { SelectedWindows } from '../../src/corpus/index.js';
import { firstTokens } from '../../src/stages/index.js';

const window = (length: number, id: number): Int32Array => new Int32Array(length).fill(id);
const selected: SelectedWindows = {
  calibration: [window(3, 1), window(3, 2), window(3, 3)],
  heldOut: [window(3, 4)],
  tokens: { calibration: 9, heldOut: 3 },
  records: { read: 7, empty: 1, truncated: 0, repeated: 2 },
};

t.test('whole windows from the beginning; what is held out stays', async (t) => {
  for (const [tokens, windows] of [
    [9, 3],
    [100, 3],
    [8, 2],
    [6, 2],
    [5, 1],
    [2, 0],
  ] as const)
    t.same(
      firstTokens(selected, tokens),
      { ...selected, calibration: selected.calibration.slice(0, windows), tokens: { calibration: 3 * windows, heldOut: 3 } },
      `${tokens} tokens`,
    );
});
