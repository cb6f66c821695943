import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { MalformedConfigError } from './config-reader.js';
import type { BlockGraphOptions, ExpertMatrix, ExpertMixture, LinearLayer } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import type { PieceBuilder } from './piece-builder.js';

/** What tells the mixtures of two families apart. */
export interface MixtureTraits {
  /** Name of the mixture's module in published files, after the block's: `mlp`, `block_sparse_moe`. */
  readonly module: string;
  /** Names of an expert's matrices in published files. */
  readonly names: { readonly gate: string; readonly up: string; readonly down: string };
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Hidden features of one expert. */
  readonly width: number;
  /** Divide the probabilities of the chosen experts by their sum. */
  readonly normalizes: boolean;
}

/** A mixture found in a checkpoint. */
export interface LocatedMixture extends ExpertMixture {
  readonly router: TensorLocation;
  readonly normalizes: boolean;
  /** Matrices by expert. */
  readonly byExpert: readonly Readonly<Record<'gate' | 'up' | 'down', ExpertMatrix>>[];
}

/** Name of the activation whose rows, sorted by expert, the gate and up matrices read. */
const INPUT = 'expert_input';

/** The same of the down matrices. */
const HIDDEN = 'expert_hidden';

/** A part of a tensor of all experts that is a matrix of one: the parts lie one after the other. */
const partOf = (whole: TensorLocation, name: string, shape: readonly [number, number], index: number): TensorLocation => {
  const length = (whole.length / whole.shape.reduce((product, size) => product * size, 1)) * shape[0] * shape[1];
  return { ...whole, name, shape, offset: whole.offset + index * length, length };
};

/**
 * Finds router and experts of one block, in the layout of published files (a tensor for each matrix) or in transformers 5's
 * own (`gate_up_proj` [experts, 2 · width, hidden] and `down_proj` [experts, hidden, width]).
 *
 * Modules are named as in published files, whichever the layout.
 *
 * @param prefix name of the block
 * @throws MalformedConfigError when a tensor is missing or has another shape, or a token is to go to more experts than there are
 */
export const locateMixture = (checkpoint: Checkpoint, prefix: string, hidden: number, traits: MixtureTraits): LocatedMixture => {
  const { experts, expertsPerToken, width, names, normalizes } = traits;
  if (expertsPerToken > experts)
    throw new MalformedConfigError(`config.json sends each token to ${expertsPerToken} experts (num_experts_per_tok), but has ${experts}.`);
  const fusedName = `${prefix}.mlp.experts.gate_up_proj`;
  const fused = checkpoint.tensors.has(fusedName) && {
    gateUp: expectTensor(checkpoint, fusedName, [experts, 2 * width, hidden]),
    down: expectTensor(checkpoint, `${prefix}.mlp.experts.down_proj`, [experts, hidden, width]),
  };
  const module = `${prefix}.${fused ? 'mlp' : traits.module}`;
  const matrix = (expert: number, kind: 'gate' | 'up' | 'down'): ExpertMatrix => {
    const name = `${prefix}.${traits.module}.experts.${expert}.${names[kind]}`;
    const activation = kind === 'down' ? HIDDEN : INPUT;
    const [outFeatures, inFeatures] = kind === 'down' ? ([hidden, width] as const) : ([width, hidden] as const);
    const layer: LinearLayer = { module: name, outFeatures, inFeatures, bias: false, input: `${activation}.${expert}` };
    const shape = [outFeatures, inFeatures] as const;
    const weight = `${name}.weight`;
    const location = !fused
      ? expectTensor(checkpoint, weight, shape)
      : kind === 'down'
        ? partOf(fused.down, weight, shape, expert)
        : partOf(fused.gateUp, weight, shape, 2 * expert + (kind === 'up' ? 1 : 0));
    return { expert, activation, layer, location };
  };
  const byExpert = Array.from({ length: experts }, (_, expert) => ({
    gate: matrix(expert, 'gate'),
    up: matrix(expert, 'up'),
    down: matrix(expert, 'down'),
  }));
  return {
    ...{ module, experts, expertsPerToken, normalizes, byExpert },
    router: expectTensor(checkpoint, `${module}.gate.weight`, [experts, hidden]),
    matrices: byExpert.flatMap(({ gate, up, down }) => [gate, up, down]),
    inputs: [
      { name: INPUT, width: hidden, madeBy: 'block' },
      { name: HIDDEN, width, madeBy: 'expert' },
    ],
  };
};

/** Which rows go to which expert, as values of a graph. */
interface Routing {
  /** Rows of the input sorted by expert, [rows · expertsPerToken, hidden]. */
  readonly sorted: Value;
  /** Number of rows of each expert, [experts]. */
  readonly counts: Value;
  /** Place of each row's chosen experts among the sorted rows, [rows, expertsPerToken]. */
  readonly places: Value;
  /** Weights of the chosen experts, [rows, expertsPerToken]. */
  readonly weights: Value;
}

const route = (piece: PieceBuilder, x: Value, { router, experts, expertsPerToken, normalizes }: LocatedMixture): Routing => {
  const { graph } = piece;
  const probabilities = graph.node('Softmax', [piece.timesTransposed(x, piece.mapped(router))], { axis: { int: -1 } });
  const [top, chosen] = graph.nodeWithOutputs('TopK', [probabilities, graph.integers([expertsPerToken])], 2) as [Value, Value];
  const total = (): Value => graph.node('ReduceSum', [top, graph.integers([1])], { keepdims: { int: 1 } });
  // A stable sort by expert, and the inverse of that permutation: TopK takes the earlier of two equal values first.
  const flat = graph.node('Reshape', [chosen, graph.integers([-1])]);
  const rows = graph.node('Shape', [flat]);
  const ascending = { largest: { int: 0 } };
  const order = graph.nodeWithOutputs('TopK', [flat, rows], 2, ascending)[1]!;
  const inverse = graph.nodeWithOutputs('TopK', [order, rows], 2, ascending)[1]!;
  const zeros = graph.integers(Array.from({ length: experts }, () => 0));
  const ones = graph.node('Expand', [graph.integers([1]), rows]);
  return {
    sorted: graph.node('Gather', [x, graph.node('Div', [order, graph.integers([expertsPerToken], [])])]),
    counts: graph.node('ScatterElements', [zeros, flat, ones], { reduction: { text: 'add' } }),
    places: graph.node('Reshape', [inverse, graph.integers([-1, expertsPerToken])]),
    weights: normalizes ? graph.node('Div', [top, total()]) : top,
  };
};

/**
 * Adds a mixture's graph: each expert computes the rows routed to it and no other.
 *
 * Rows are sorted by expert, split, and gathered back, so that every tensor has rows · expertsPerToken rows, known before
 * the run. At 128 experts of [96, 256], 8 a token, this ran 7 times as fast as every expert over every token.
 *
 * @param x [windows, tokens, hidden]
 * @returns the same shape
 */
export const mixExperts = (piece: PieceBuilder, x: Value, mixture: LocatedMixture, options: BlockGraphOptions): Value => {
  const { graph } = piece;
  const { experts, byExpert, inputs } = mixture;
  const hiddenSize = inputs[0]!.width;
  const { sorted, counts, places, weights } = route(piece, graph.node('Reshape', [x, graph.integers([-1, hiddenSize])]), mixture);
  const parts = graph.nodeWithOutputs('Split', [sorted, counts], experts);
  const gated = byExpert.map(({ gate, up }, e) =>
    graph.node('Mul', [
      piece.silu(piece.timesTransposed(parts[e]!, piece.mapped(gate.location))),
      piece.timesTransposed(parts[e]!, piece.mapped(up.location)),
    ]),
  );
  const outputs = byExpert.map(({ down }, e) => piece.timesTransposed(gated[e]!, piece.mapped(down.location)));
  if (options.activations) {
    graph.output(sorted, 'F32', ['routed', hiddenSize], INPUT);
    graph.output(graph.node('Concat', gated, { axis: { int: 0 } }), 'F32', ['routed', inputs[1]!.width], HIDDEN);
    graph.output(counts, 'I64', [experts], 'expert_tokens');
  }
  const chosen = graph.node('Gather', [graph.node('Concat', outputs, { axis: { int: 0 } }), places]);
  const weighted = graph.node('Mul', [chosen, graph.node('Unsqueeze', [weights, graph.integers([2])])]);
  const mixed = graph.node('ReduceSum', [weighted, graph.integers([1])], { keepdims: { int: 0 } });
  return graph.node('Reshape', [mixed, graph.node('Shape', [x])]);
};
