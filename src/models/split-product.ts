import type { GraphBuilder, Value } from '../graph/index.js';
import { SPLIT_FLOOR, SPLIT_STEPS, splitTiles } from './split-weight.js';

/** Activations as two uint8 slices around 128, as values of a graph. */
export interface SplitActivations {
  /** Coarse and fine digits, x's shape. */
  readonly coarse: Value;
  readonly fine: Value;
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
    ...{ coarse, fine },
    coarseStep: node('Mul', [fineStep, graph.floats([256], [])]),
    fineStep,
  };
};

/**
 * Adds x Wᵀ in integers: coarse · coarse, coarse · fine and fine · coarse, each exact, scaled and added in float32.
 *
 * The product of the two fine slices is left out: 2⁻¹⁶ of the rows' largest values. The slices of W are inputs, because
 * ONNX Runtime would hold a constant two or three times; packing them at each run costs a twentieth of 512 rows' products.
 *
 * Declares the inputs that `splitWeight` makes of the weight called `name`.
 */
export const splitProduct = (
  graph: GraphBuilder,
  { coarse, fine, coarseStep, fineStep }: SplitActivations,
  { name, outFeatures, inFeatures }: { readonly name: string; readonly outFeatures: number; readonly inFeatures: number },
): Value => {
  const one = graph.floats([1], []);
  const zero = zeroPoint(graph);
  const tiles = splitTiles(name, outFeatures).map((tile) => {
    const width = tile.end - tile.begin;
    const high = graph.input(tile.coarse, 'I8', [inFeatures, width]);
    const low = graph.input(tile.fine, 'I8', [inFeatures, width]);
    const scale = graph.input(tile.scale, 'F32', [width]);
    const product = (digits: Value, weight: Value): Value =>
      graph.node('MatMulIntegerToFloat', [digits, weight, one, scale, zero], {}, 'com.microsoft');
    const crossed = graph.node('Add', [product(fine, high), product(coarse, low)]);
    return graph.node('Add', [graph.node('Mul', [product(coarse, high), coarseStep]), graph.node('Mul', [crossed, fineStep])]);
  });
  return tiles.length === 1 ? tiles[0]! : graph.node('Concat', tiles, { axis: { int: -1 } });
};
