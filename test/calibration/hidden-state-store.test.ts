import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { HiddenStateStore, planSegments } from '../../src/calibration/index.js';

const WIDTH = 8;
const lengths = new Array<number>(6).fill(10);
const segments = planSegments(lengths, 'calibration', { runTokens: 10, segmentTokens: 10 });
const held = planSegments([10], 'heldOut', { runTokens: 10, segmentTokens: 10 });
const segmentBytes = 4 * 10 * WIDTH;

t.test('segments beyond the budget go through files', async (t) => {
  for (const [budget, spilled] of [
    [0, 7],
    [segmentBytes, 6],
    [3 * segmentBytes + 1, 4],
    [7 * segmentBytes, 0],
  ] as const) {
    const store = new HiddenStateStore([...segments, ...held], WIDTH, { bytes: budget, directory: '/scratch' });
    t.equal(store.spilledSegments, spilled, `${budget} bytes`);
    t.equal([...segments, ...held].filter((segment) => store.spillPath(segment, 3) !== undefined).length, spilled);
  }
});

t.test('a block never writes to a file that it reads', async (t) => {
  const store = new HiddenStateStore([...segments, ...held], WIDTH, { bytes: 0, directory: '/scratch' });
  const paths = (block: number): (string | undefined)[] => [...segments, ...held].map((segment) => store.spillPath(segment, block));
  for (let block = 0; block < 4; block++) t.equal(new Set([...paths(block - 1), ...paths(block)]).size, 14, `block ${block}`);
});

t.test('what is put is taken once, and counted while it is there', async (t) => {
  const store = new HiddenStateStore(segments, WIDTH, { bytes: 2 * segmentBytes, directory: '/scratch' });
  const [first, second, third] = segments;
  const values = new Float32Array(10 * WIDTH);
  store.put(first!, { values });
  store.put(second!, { values: values.slice() });
  store.put(third!, { file: '/scratch/x' });
  t.equal(store.residentBytes(), 2 * segmentBytes, 'files are not counted');
  t.equal((store.take(first!) as { values: Float32Array }).values, values);
  t.equal(store.residentBytes(), segmentBytes);
  t.throws(() => store.take(first!), { name: 'RangeError', message: /Segment 0 of calibration/ });
  t.throws(() => store.take(segments[5]!), { name: 'RangeError' });
});

t.test('clearing removes everything, files included', async (t) => {
  const directory = t.testdir();
  const store = new HiddenStateStore(segments.slice(0, 2), WIDTH, { bytes: segmentBytes, directory });
  const file = store.spillPath(segments[1]!, 0)!;
  await writeFile(file, 'states');
  store.put(segments[0]!, { values: new Float32Array(1) });
  store.put(segments[1]!, { file });
  await store.clear();
  t.notOk(existsSync(file));
  t.equal(store.residentBytes(), 0);
  t.throws(() => store.take(segments[0]!), { name: 'RangeError' });
});
