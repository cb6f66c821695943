import t from 'tap';
import { random } from '../../src/foundation/index.js';
import { fitTokenCurve, type TokenPoint } from '../../src/planning/index.js';

const TOKENS = [4096, 8192, 16384, 32768, 65536];
const curve = (loss: (tokens: number) => number, tokens: readonly number[] = TOKENS): TokenPoint[] =>
  tokens.map((n) => ({ tokens: n, loss: loss(n) }));
const law =
  (limit: number, c: number, power = 1) =>
  (tokens: number): number =>
    limit * (1 + (c / tokens) ** power);
const close = (a: number | undefined, b: number, part: number): boolean => a !== undefined && Math.abs(a - b) <= part * Math.abs(b);

t.test('a curve that obeys the law gives its limit, and the tokens that are 1 % above it', async (t) => {
  for (const [limit, c] of [
    [0.2, 100],
    [0.7, 60],
    [0.15, 500],
  ] as const) {
    const fit = fitTokenCurve(curve(law(limit, c)), 0.01);
    t.ok(close(fit.limit, limit, 1e-9), `limit ${fit.limit}`);
    t.ok(close(fit.leastTokens, Math.max(4096, 100 * c), 1e-6), `least ${fit.leastTokens}`);
  }
});

t.test('two points are enough, one is not, nor are points out of order', async (t) => {
  t.ok(close(fitTokenCurve(curve(law(0.3, 50), [4096, 5000]), 0.01).limit, 0.3, 1e-9));
  t.throws(() => fitTokenCurve(curve(law(0.3, 50), [4096]), 0.01), { name: 'RangeError', message: /two points, not 1/ });
  t.throws(() => fitTokenCurve([], 0.01), { name: 'RangeError', message: /not 0/ });
  t.throws(
    () =>
      fitTokenCurve(
        curve(() => 1, [8192, 4096]),
        0.01,
      ),
    { name: 'RangeError', message: /Point 1 has 4096 tokens/ },
  );
  t.throws(
    () =>
      fitTokenCurve(
        curve(() => 1, [0, 4096]),
        0.01,
      ),
    { name: 'RangeError', message: /Point 0 has 0 tokens/ },
  );
  for (const wrong of [NaN, -0.1, Infinity])
    t.throws(
      () =>
        fitTokenCurve(
          curve((n) => (n > 8192 ? wrong : 1)),
          0.01,
        ),
      { name: 'RangeError', message: /Point 2 has the loss/ },
    );
});

t.test('a flat curve, and one that rises, need no more than the first point', async (t) => {
  t.same(
    fitTokenCurve(
      curve(() => 0.4),
      0.01,
    ),
    { limit: 0.4, leastTokens: 4096 },
  );
  const rising = fitTokenCurve(
    curve((n) => 0.4 + n * 1e-9),
    0.01,
  );
  t.ok(rising.limit > 0.4 && rising.limit < 0.4001, 'its limit is the weighted mean');
  t.equal(rising.leastTokens, 4096);
});

t.test('a loss of zero is its own limit, and differences in next to nothing count for nothing', async (t) => {
  t.same(
    fitTokenCurve(
      curve(() => 0),
      0.01,
    ),
    { limit: 0, leastTokens: 4096 },
  );
  t.equal(fitTokenCurve(curve(law(1e-6, 1e5)), 0.01).leastTokens, 4096, 'though the first is 25 times the limit');
  const small = fitTokenCurve(curve(law(0.01, 4096)), 0.01);
  t.ok(close(small.leastTokens, 40960, 1e-6), '0.1 % of the whole loss where less than 10 % is left');
});

t.test('a steeper curve places the limit too low, never too high, and asks for more rather than fewer tokens', async (t) => {
  for (const power of [1.2, 1.5, 1.7, 2]) {
    const loss = law(0.3, 700, power);
    for (const count of [3, 4, 5]) {
      const { limit, leastTokens } = fitTokenCurve(curve(loss, TOKENS.slice(0, count)), 0.01);
      t.ok(limit <= 0.3 && limit > 0.29, `power ${power}, ${count} points: ${limit}`);
      if (leastTokens !== undefined) t.ok(loss(leastTokens) <= 0.3 * 1.01 || leastTokens === 4096, `${leastTokens}: ${loss(leastTokens)}`);
    }
  }
});

t.test('the last point outside the tolerance counts, not the first inside', async (t) => {
  const bumpy = [0.31, 0.301, 0.31, 0.3, 0.3].map((loss, i) => ({ tokens: TOKENS[i]!, loss }));
  const { leastTokens } = fitTokenCurve(bumpy, 0.01);
  t.ok(leastTokens! > 16384 && leastTokens! < 32768, `${leastTokens}`);
});

t.test('where not even the last point is near, no number of tokens is named', async (t) => {
  const { limit, leastTokens } = fitTokenCurve(curve(law(0.3, 3000)), 0.01);
  t.ok(close(limit, 0.3, 1e-9));
  t.equal(leastTokens, undefined);
  t.equal(
    fitTokenCurve(
      curve((n) => 4096 / n),
      0.01,
    ).limit,
    0,
    'a curve that falls to nothing',
  );
});

t.test('noise that falls as the excess does moves the limit by a part of the excess', async (t) => {
  const stream = random(5);
  for (let trial = 0; trial < 50; trial++) {
    const c = 60 + stream.below(300);
    const noisy = curve((n) => 0.25 * (1 + (c / n) * (1 + 0.2 * (stream.below(1001) / 500 - 1))));
    const { limit, leastTokens } = fitTokenCurve(noisy, 0.01);
    t.ok(Math.abs(limit / 0.25 - 1) < (0.6 * c) / 65536 + 1e-12, `limit ${limit}, c ${c}`);
    t.ok(leastTokens! >= Math.max(4096, 70 * c) && leastTokens! <= Math.max(4096, 135 * c), `c ${c}: ${leastTokens}`);
  }
});
