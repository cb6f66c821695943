import type { GraphBuilder, Value } from '../graph/index.js';
import type { LinearLayer } from './contract.js';

/** Activations of at least this magnitude make a column an outlier in LLM.int8 (transformers' default threshold). */
const INT8_OUTLIER_THRESHOLD = 6;

/** Dequantization factor of LLM.int8's integer products: 1/127² as bitsandbytes' CUDA kernels round it. */
const INT8_PRODUCT_SCALE = 6.200012e-5;

/** Dequantization factor of one LLM.int8 weight: 1/127 as bitsandbytes rounds it. */
const INT8_WEIGHT_SCALE = 7.874015718698502e-3;

/**
 * x Wᵀ of LLM.int8 as it runs: float16 activations, outlier columns of the whole run apart, the others quantized row by
 * row, an integer product (exact in float32 steps up to 2²⁴) scaled back.
 *
 * Adds the inputs `<module>.weight` [out, in], the codes, and `<module>.scale` [out] to the graph.
 */
export const int8Product = (graph: GraphBuilder, x: Value, layer: LinearLayer): Value => {
  const timesTransposed = (left: Value, right: Value): Value =>
    graph.node('FusedMatMul', [left, right], { transB: { int: 1 } }, 'com.microsoft');
  const codes = graph.input(`${layer.module}.weight`, 'F32', [layer.outFeatures, layer.inFeatures]);
  const scale = graph.input(`${layer.module}.scale`, 'F32', [layer.outFeatures]);
  const half = graph.node('Cast', [graph.node('Cast', [x], { to: { int: 10 } })], { to: { int: 1 } });
  const magnitude = graph.node('Abs', [half]);
  const columnPeak = graph.node('ReduceMax', [magnitude, graph.integers([0, 1])], { keepdims: { int: 1 } });
  const outlier = graph.node('GreaterOrEqual', [columnPeak, graph.floats([INT8_OUTLIER_THRESHOLD], [])]);
  const zero = graph.floats([0], []);
  const regular = graph.node('Where', [outlier, zero, half]);
  const rowPeak = graph.node('ReduceMax', [graph.node('Abs', [regular]), graph.integers([2])], { keepdims: { int: 1 } });
  const safePeak = graph.node('Max', [rowPeak, graph.floats([1e-30], [])]);
  const quantized = graph.node('Round', [graph.node('Mul', [regular, graph.node('Div', [graph.floats([127], []), safePeak])])]);
  const rowScale = graph.node('Mul', [rowPeak, graph.floats([INT8_PRODUCT_SCALE], [])]);
  const inner = graph.node('Mul', [graph.node('Mul', [timesTransposed(quantized, codes), rowScale]), scale]);
  const apart = timesTransposed(graph.node('Where', [outlier, half, zero]), codes);
  const outer = graph.node('Mul', [apart, graph.node('Mul', [scale, graph.floats([INT8_WEIGHT_SCALE], [])])]);
  return graph.node('Add', [inner, outer]);
};
