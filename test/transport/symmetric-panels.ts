import { random } from '../../src/foundation/index.js';
import { gramPanels } from '../../src/graph/index.js';

/** Panels of a random symmetric matrix, full squares on the diagonal. */
export const symmetricPanels = (n: number, seed: number): Float32Array[] => {
  const stream = random(seed);
  const full = new Float32Array(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) full[i * n + j] = full[j * n + i] = stream.normal();
  return gramPanels(n).map(({ begin, end }) => {
    const panel = new Float32Array((end - begin) * (n - begin));
    for (let i = begin; i < end; i++) panel.set(full.subarray(i * n + begin, (i + 1) * n), (i - begin) * (n - begin));
    return panel;
  });
};
