import t from 'tap';
import { perplexityOf } from '../../src/evaluation/index.js';

t.test('the mean goes over tokens, not over chunks', async (t) => {
  const p = 0.25;
  const flat = perplexityOf([new Float32Array(7).fill(Math.log(p)), new Float32Array(1).fill(Math.log(p))]);
  t.equal(flat.tokens, 8);
  t.ok(Math.abs(flat.perplexity - 4) < 1e-6);
  const mixed = perplexityOf([Float32Array.of(-1, -1, -1), Float32Array.of(-5)]);
  t.ok(Math.abs(mixed.perplexity - Math.exp(2)) < 1e-6);
});

t.test('many tokens do not lose the last digits', async (t) => {
  const chunk = new Float32Array(100_000).fill(-3.1);
  const { perplexity, tokens } = perplexityOf(new Array<Float32Array>(20).fill(chunk));
  t.equal(tokens, 2_000_000);
  t.ok(Math.abs(perplexity / Math.exp(-chunk[0]!) - 1) < 1e-9);
});
