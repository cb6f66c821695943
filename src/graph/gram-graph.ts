import { GraphBuilder } from './graph-builder.js';
import { gramPanels } from './gram-panels.js';

/**
 * Builds the graph that adds one chunk of activations to a running Gram sum.
 *
 * Inputs: `x` [rows, width]; one running sum `panel_i` [height, n − begin] for each of `gramPanels(n)`; with
 * `residual`, `E` [out, width] as well, and the sum is that of (E x)(E x)ᵀ, n = out, instead of x xᵀ, n = width.
 * Outputs: `sum_i`, which may be the very buffers of `panel_i`.
 */
export const gramGraph = (width: number, residualRows?: number): Uint8Array => {
  const graph = new GraphBuilder('gram');
  const x = graph.input('x', 'F32', ['rows', width]);
  const n = residualRows ?? width;
  const rows =
    residualRows === undefined
      ? x
      : graph.node('FusedMatMul', [x, graph.input('E', 'F32', [residualRows, width])], { transB: { int: 1 } }, 'com.microsoft');
  const panels = gramPanels(n);
  const axis = graph.integers([1]);
  const columns = (begin: number, end: number): string =>
    begin === 0 && end === n ? rows : graph.node('Slice', [rows, graph.integers([begin]), graph.integers([end]), axis]);
  panels.forEach(({ begin, end }, i) => {
    const shape = [end - begin, n - begin];
    const running = graph.input(`panel_${i}`, 'F32', shape);
    const sum = graph.node('Gemm', [columns(begin, end), columns(begin, n), running], { transA: { int: 1 } });
    graph.output(sum, 'F32', shape, `sum_${i}`);
  });
  return graph.serialize();
};
