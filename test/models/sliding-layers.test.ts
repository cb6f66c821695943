import t from 'tap';
import { readConfig } from '../../src/models/config-reader.js';
import { readSlidingLayers, readSlidingWindows, readUpperSlidingWindows } from '../../src/models/sliding-layers.js';

const BLOCKS = 4;
const location = { name: 'w', dtype: 'F32', shape: [1], file: 'w', offset: 0, length: 4 } as const;
const manyTensors = { tensors: new Map(Array.from({ length: BLOCKS }, (_, i) => [String(i), location] as const)) };
const unsupported = (message: RegExp): { code: string; message: RegExp } => ({ code: 'QL_MODEL_UNSUPPORTED', message });
const all = <T>(read: (block: number) => T): T[] => Array.from({ length: BLOCKS }, (_, block) => read(block));

t.test('layer_types wins over the rule', async (t) => {
  const even = (block: number): boolean => block % 2 === 0;
  t.strictSame(readSlidingLayers(readConfig({}), BLOCKS, even), [true, false, true, false]);
  const layer_types = ['full_attention', 'sliding_attention', 'sliding_attention', 'attention'];
  t.strictSame(readSlidingLayers(readConfig({ layer_types }), BLOCKS, even), [false, true, true, false]);
});

t.test('kinds that are not computed and lists of another length are refused', async (t) => {
  const read = (layer_types: string[]): unknown => readSlidingLayers(readConfig({ layer_types }), BLOCKS, () => false);
  t.throws(() => read(['full_attention']), unsupported(/1 layer_types for 4 blocks/));
  t.throws(() => read(Array<string>(BLOCKS).fill('chunked_attention')), unsupported(/"chunked_attention".*sliding_attention/));
});

t.test('blocks that slide have the window, the others none', async (t) => {
  const upper = (block: number): boolean => block > 1;
  t.strictSame(all(readSlidingWindows(readConfig({}), BLOCKS, 7, upper)), [undefined, undefined, 7, 7]);
  t.strictSame(all(readSlidingWindows(readConfig({}), BLOCKS, undefined, () => false)), Array(BLOCKS).fill(undefined));
  t.throws(() => readSlidingWindows(readConfig({}), BLOCKS, undefined, upper), unsupported(/the first is 2.*no sliding_window/));
});

t.test('of Qwen the upper blocks slide where sliding is asked for', async (t) => {
  const read = (config: Record<string, unknown>): unknown[] =>
    all(
      readUpperSlidingWindows(manyTensors, readConfig({ num_hidden_layers: BLOCKS, max_window_layers: 3, sliding_window: 9, ...config })),
    );
  const none = Array(BLOCKS).fill(undefined);
  t.strictSame(read({ use_sliding_window: true }), [undefined, undefined, undefined, 9]);
  t.strictSame(read({ use_sliding_window: true, max_window_layers: 0 }), [9, 9, 9, 9]);
  t.strictSame(read({ use_sliding_window: true, max_window_layers: 5 }), none);
  t.strictSame(read({ use_sliding_window: true, sliding_window: null }), none);
  t.strictSame(read({}), none);
  const layer_types = Array<string>(BLOCKS).fill('sliding_attention');
  t.throws(() => read({ layer_types }), unsupported(/no sliding_window/), 'a window that is not used is none');
});
