import type { GraphBuilder, Value } from '../graph/index.js';
import { planSplit, SPLIT_FLOOR, SPLIT_STEPS } from './split-weight.js';

/** Activations as two uint8 slices around 128, as values of a graph. */
export interface SplitActivations {
  /** Coarse digits, x's shape. */
  readonly coarse: Value;
  /** Coarse digits and below them, along the first axis, the fine ones. */
  readonly both: Value;
  /** What a coarse and a fine step are worth in each row, x's shape with the last axis 1. */
  readonly coarseStep: Value;
  readonly fineStep: Value;
}

const zeroPoint = (graph: GraphBuilder): Value => graph.embedded('U8', [], Uint8Array.of(128));

/**
 * Splits activations row by row: x ≈ fineStep · (256 · coarse + fine), fine steps of max|row| / 32,512.
 *
 * A row that holds NaN or an infinity, or whose sum overflows float32, gets the step NaN: its products are NaN.
 */
export const splitActivations = (graph: GraphBuilder, x: Value): SplitActivations => {
  const node: GraphBuilder['node'] = (...operation) => graph.node(...operation);
  const last = graph.integers([-1]);
  const reduced = (operator: string): Value => node(operator, [x, last], { keepdims: { int: 1 } });
  const one = graph.floats([1], []);
  const zero = zeroPoint(graph);
  // ReduceMax may pass over NaN; a sum never does.
  const sum = reduced('ReduceSum');
  const peak = node('Max', [reduced('ReduceMax'), node('Neg', [reduced('ReduceMin')]), graph.floats([SPLIT_FLOOR], [])]);
  const scaled = node('Mul', [x, node('Div', [graph.floats([SPLIT_STEPS / 256], []), peak])]);
  const coarse = node('QuantizeLinear', [scaled, one, zero]);
  const rest = node('Sub', [scaled, node('DequantizeLinear', [coarse, one, zero])]);
  const fine = node('QuantizeLinear', [rest, graph.floats([1 / 256], []), zero]);
  const fineStep = node('Add', [node('Mul', [peak, graph.floats([1 / SPLIT_STEPS], [])]), node('Sub', [sum, sum])]);
  return {
    coarse,
    both: node('Concat', [coarse, fine], { axis: { int: 0 } }),
    coarseStep: node('Mul', [fineStep, graph.floats([256], [])]),
    fineStep,
  };
};

/**
 * Adds x Wᵀ in integers: coarse · coarse, coarse · fine and fine · coarse, each exact, scaled and added in float32.
 *
 * The product of the two fine slices is left out: 2⁻¹⁶ of the rows' largest values. Both products with the coarse slice
 * of W are one, so that it is held once: two bytes a weight.
 *
 * @param file name of the bytes that `splitWeight` returns, which the session is given
 */
export const splitProduct = (
  graph: GraphBuilder,
  { coarse, both, coarseStep, fineStep }: SplitActivations,
  { file, outFeatures, inFeatures }: { readonly file: string; readonly outFeatures: number; readonly inFeatures: number },
): Value => {
  const one = graph.floats([1], []);
  const zero = zeroPoint(graph);
  const halves = { axis: { int: 0 }, num_outputs: { int: 2 } };
  const tiles = planSplit(outFeatures, inFeatures).tiles.map((tile) => {
    const width = tile.end - tile.begin;
    const name = (part: string): string => `${file} ${part} ${tile.begin}`;
    const slice = (part: 'coarse' | 'fine'): Value =>
      graph.external(name(part), 'I8', [inFeatures, width], { file, offset: tile[part], length: inFeatures * width });
    const scale = graph.external(name('scale'), 'F32', [width], { file, offset: tile.scale, length: 4 * width });
    const product = (digits: Value, weight: Value): Value =>
      graph.node('MatMulIntegerToFloat', [digits, weight, one, scale, zero], {}, 'com.microsoft');
    const [high, low] = graph.nodeWithOutputs('Split', [product(both, slice('coarse'))], 2, halves);
    const crossed = graph.node('Add', [low!, product(coarse, slice('fine'))]);
    return graph.node('Add', [graph.node('Mul', [high!, coarseStep]), graph.node('Mul', [crossed, fineStep])]);
  });
  return tiles.length === 1 ? tiles[0]! : graph.node('Concat', tiles, { axis: { int: -1 } });
};
