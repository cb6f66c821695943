import t from 'tap';
import { alibiSlopes } from '../../src/models/alibi-slopes.js';

const near = (found: Float32Array, expected: readonly number[]): boolean =>
  found.length === expected.length && found.every((slope, i) => Math.abs(slope / expected[i]! - 1) < 1e-6);

t.test('powers of two divide eight halvings among the heads', async (t) => {
  t.ok(near(alibiSlopes(1), [2 ** -8]));
  t.ok(
    near(
      alibiSlopes(8),
      [1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i),
    ),
  );
  t.ok(
    near(
      alibiSlopes(16),
      Array.from({ length: 16 }, (_, i) => 2 ** (-(i + 1) / 2)),
    ),
  );
});

t.test('other numbers take every other slope of the next power of two', async (t) => {
  t.ok(near(alibiSlopes(3), [2 ** -4, 2 ** -8, 2 ** -2]));
  t.ok(near(alibiSlopes(6), [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3]));
  t.ok(near(alibiSlopes(112), [...alibiSlopes(64), ...[...alibiSlopes(128)].filter((_, i) => i % 2 === 0).slice(0, 48)]), 'bloom-176b');
});
