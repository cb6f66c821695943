import { modelProto } from '../../src/graph/onnx-schema.js';
import type { Attribute } from '../../src/graph/index.js';
import type { CausalModel, ModelPiece } from '../../src/models/index.js';

/** A node of a decoded ONNX graph. */
export interface GraphNode {
  opType: string;
  domain: string;
  input: string[];
  output: string[];
  attribute: { name: string; type: number; i?: number; f?: number; s?: Uint8Array; ints?: number[] }[];
}

/** The parts of a decoded ONNX graph that mutations touch. */
export interface DecodedGraph {
  node: GraphNode[];
  initializer: { name: string; dims: number[]; dataType: number; rawData: Uint8Array }[];
}

/** Changes a decoded graph in place; throws where it finds nothing to change. */
export type GraphChange = (graph: DecodedGraph) => void;

/** Decodes a piece's graph, changes it and encodes it again. */
const changePiece = (piece: ModelPiece, change: GraphChange): ModelPiece => {
  const proto = modelProto();
  const model = proto.toObject(proto.decode(piece.graph), { longs: Number, arrays: true }) as { graph: DecodedGraph };
  change(model.graph);
  return { ...piece, graph: proto.encode(proto.fromObject(model)).finish() };
};

/** The model with every block's graph changed. */
export const inBlocks =
  (change: GraphChange) =>
  (model: CausalModel): CausalModel => ({ ...model, block: (block, options) => changePiece(model.block(block, options), change) });

/** The model with the head's graph changed. */
export const inHead =
  (change: GraphChange) =>
  (model: CausalModel): CausalModel => ({ ...model, head: () => changePiece(model.head(), change) });

/** The model with the entry's graph changed. */
export const inEntry =
  (change: GraphChange) =>
  (model: CausalModel): CausalModel => ({
    ...model,
    entry: (options) => {
      const entry = model.entry(options);
      if (!entry) throw new Error(`${model.modelType} has no entry piece to change`);
      return changePiece(entry, change);
    },
  });

/** The model whose first hidden states are the rows of the embedding table. */
export const withoutEntry = (model: CausalModel): CausalModel => ({ ...model, entry: () => undefined });

/** Nodes of an operator in graph order, or the one at an index among them. */
export const nodesOf = (graph: DecodedGraph, operator: string, which?: number): GraphNode[] => {
  const found = graph.node.filter(({ opType }) => opType === operator);
  const chosen = which === undefined ? found : found.slice(which, which + 1);
  if (!chosen.length) throw new Error(`the graph has ${found.length} nodes ${operator}, number ${which ?? 0} is wanted`);
  return chosen;
};

const encoded = (attribute: Attribute): Omit<GraphNode['attribute'][number], 'name'> => {
  if ('int' in attribute) return { i: attribute.int, type: 2 };
  if ('float' in attribute) return { f: attribute.float, type: 1 };
  if ('ints' in attribute) return { ints: [...attribute.ints], type: 7 };
  return { s: new TextEncoder().encode(attribute.text), type: 3 };
};

/** Gives the nodes of an operator another attribute. */
export const setAttribute =
  (operator: string, name: string, attribute: Attribute, which?: number): GraphChange =>
  (graph) => {
    for (const node of nodesOf(graph, operator, which))
      node.attribute = [...node.attribute.filter((candidate) => candidate.name !== name), { name, ...encoded(attribute) }];
  };

/** Lets the first input of the nodes of an operator pass through unchanged. */
export const dropNodes =
  (operator: string, which?: number): GraphChange =>
  (graph) => {
    for (const node of nodesOf(graph, operator, which))
      Object.assign(node, { opType: 'Identity', domain: '', input: node.input.slice(0, 1), attribute: [] });
  };

/** Takes an input (a mask, a bias) away from the nodes of an operator. */
export const dropInput =
  (operator: string, input: number, which?: number): GraphChange =>
  (graph) => {
    for (const node of nodesOf(graph, operator, which)) node.input = node.input.slice(0, input);
  };

/** Gives the nodes of an operator other values in the place of an embedded constant they read. */
export const setConstant =
  (operator: string, input: number, values: readonly number[], which?: number): GraphChange =>
  (graph) => {
    for (const node of nodesOf(graph, operator, which)) {
      const constant = graph.initializer.find(({ name }) => name === node.input[input]);
      if (!constant) throw new Error(`input ${input} of ${operator} is no constant`);
      const data = constant.dataType === 7 ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
      if (data.byteLength !== constant.rawData.byteLength)
        throw new Error(`${operator} reads a constant of ${constant.rawData.byteLength} bytes`);
      constant.rawData = new Uint8Array(data.buffer);
    }
  };

/** Splits a fused product as [3, heads, size] in the place of [heads, 3, size]. */
export const splitInThirds =
  (heads: number, size: number): GraphChange =>
  (graph) => {
    setConstant('Reshape', 1, [0, 0, 3, heads, size], 0)(graph);
    setAttribute('Split', 'axis', { int: 2 })(graph);
  };
