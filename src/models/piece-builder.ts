import { basename, dirname } from 'node:path';
import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import { GraphBuilder, type Value } from '../graph/index.js';
import type { ActivationFunction } from './activation-function.js';
import type { BlockGraphOptions, LinearForm, LinearLayer, ModelPiece, WindowOptions } from './contract.js';
import { int8Product } from './int8-product.js';
import { tabulateRotary, type RotaryFrequencies } from './rotary-tables.js';
import { splitActivations, splitProduct, type SplitActivations } from './split-product.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

const MICROSOFT = 'com.microsoft';

/** Builds the graph of one piece of a model out of the layers that families share. */
export class PieceBuilder {
  readonly graph: GraphBuilder;
  private folder: string | undefined;
  private readonly files = new Set<string>();
  private readonly splitWeights: TensorLocation[] = [];
  /** Slices of what several layers read are made once. */
  private readonly slicedActivations = new Map<Value, SplitActivations>();
  private rotary: { cos: Value; sin: Value } | undefined;

  constructor(
    private readonly label: string,
    private readonly checkpoint: Checkpoint,
  ) {
    this.graph = new GraphBuilder(label);
  }

  /** Maps a float tensor from its shard and returns it as float32. */
  weight(name: string): Value {
    return this.mapped(this.locate(name));
  }

  /** Maps the bytes of a float tensor, or of a part of one, and returns them as float32. */
  mapped(location: TensorLocation): Value {
    return this.asFloat32(this.stored(location), location);
  }

  /** Rows of an embedding table [rows, width] at the given int64 indices, float32; only those rows are converted. */
  lookUp(name: string, indices: Value): Value {
    const location = this.locate(name);
    return this.asFloat32(this.graph.node('Gather', [this.stored(location), indices]), location);
  }

  /** LayerNorm over the last axis, float32. */
  layerNorm(x: Value, weight: Value, bias: Value | undefined, epsilon: number): Value {
    // An empty name in the place of the bias crashes ONNX Runtime 1.30.
    const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
    return this.graph.node('LayerNormalization', inputs, { axis: { int: -1 }, epsilon: { float: epsilon } });
  }

  /** RMSNorm over the last axis, float32. */
  rmsNorm(x: Value, weight: Value, epsilon: number): Value {
    return this.graph.node('RMSNormalization', [x, weight], { axis: { int: -1 }, epsilon: { float: epsilon } });
  }

  /** 1 + w, what norms multiply by whose weights are stored around zero. */
  onePlus(weight: Value): Value {
    return this.graph.node('Add', [weight, this.graph.floats([1], [])]);
  }

  /** RMSNorm over each head of [windows, tokens, count · size]. */
  headNorm(x: Value, weight: Value, heads: { readonly count: number; readonly size: number }, epsilon: number): Value {
    const { graph } = this;
    const apart = graph.node('Reshape', [x, graph.integers([0, 0, heads.count, heads.size])]);
    return graph.node('Reshape', [this.rmsNorm(apart, weight, epsilon), graph.integers([0, 0, -1])]);
  }

  /** x Wᵀ with a weight [out, in] that is neither quantized nor corrected. */
  timesTransposed(x: Value, weight: Value): Value {
    return this.graph.node('FusedMatMul', [x, weight], { transB: { int: 1 } }, MICROSOFT);
  }

  /** x Wᵀ + bias in the form the options ask for, plus the LoRA branch where the module has one. */
  linear(x: Value, layer: LinearLayer, options: BlockGraphOptions): Value {
    const { graph } = this;
    let y = this.product(x, layer, options.linear);
    if (layer.bias) y = graph.node('Add', [y, this.weight(`${layer.module}.bias`)]);
    if (!options.lora?.has(layer.module)) return y;
    const a = graph.input(`${layer.module}.lora_A`, 'F32', [`${layer.module}.rank`, layer.inFeatures]);
    const b = graph.input(`${layer.module}.lora_B`, 'F32', [layer.outFeatures, `${layer.module}.rank`]);
    return graph.node('Add', [y, this.timesTransposed(this.timesTransposed(x, a), b)]);
  }

  /**
   * What a linear layer reads, declared as an output where activations are asked for.
   *
   * Layers have to read the value returned: a run may write the next hidden states over the last ones, so an
   * activation that is the graph's own input must be copied before.
   */
  read(x: Value, layer: LinearLayer, options: BlockGraphOptions): Value {
    if (!options.activations) return x;
    this.graph.output(x, 'F32', ['windows', 'tokens', layer.inFeatures], layer.input);
    return layer.input;
  }

  /**
   * Rotates queries or keys [windows, tokens, heads · headSize] by their positions; of each head the first `rotary.size`
   * features, the others stay. A piece has one set of frequencies.
   */
  rotate(x: Value, heads: number, positions: Value, rotary: RotaryFrequencies, windowTokens: number): Value {
    if (!this.rotary) {
      const tables = tabulateRotary(rotary, windowTokens);
      const shape = [windowTokens, rotary.size / 2];
      this.rotary = { cos: this.graph.floats(tables.cos, shape), sin: this.graph.floats(tables.sin, shape) };
    }
    return this.graph.node('RotaryEmbedding', [x, this.rotary.cos, this.rotary.sin, positions], {
      num_heads: { int: heads },
      rotary_embedding_dim: { int: rotary.size },
    });
  }

  /** Query, key and value [windows, tokens, heads · size] of a fused product whose rows lie as [heads, 3, size]. */
  splitHeads(fused: Value, heads: number, size: number): [query: Value, key: Value, value: Value] {
    const { graph } = this;
    const byHead = graph.node('Reshape', [fused, graph.integers([0, 0, heads, 3, size])]);
    const parts = graph.nodeWithOutputs('Split', [byHead], 3, { axis: { int: 3 }, num_outputs: { int: 3 } });
    const [query, key, value] = parts.map((part) => graph.node('Reshape', [part, graph.integers([0, 0, heads * size])]));
    return [query!, key!, value!];
  }

  /** Parts of the given widths, one after the other, of the last axis of a fused product [windows, tokens, Σ widths]. */
  split(fused: Value, widths: readonly number[]): Value[] {
    return this.graph.nodeWithOutputs('Split', [fused, this.graph.integers(widths)], widths.length, { axis: { int: 2 } });
  }

  /**
   * Causal attention over [windows, tokens, heads · headSize]; with a sliding window each token sees that many.
   *
   * Scores are q · k times `scale` (1 / √headSize where left out), then softcap · tanh(scores / softcap) where a softcap is
   * given, and masked after that, which is what ONNX Runtime's kernel does too.
   */
  attention(
    q: Value,
    k: Value,
    v: Value,
    heads: { query: number; keyValue: number; size: number },
    mask?: Value,
    { scale = 1 / Math.sqrt(heads.size), softcap = 0 }: { scale?: number; softcap?: number | undefined } = {},
  ): Value {
    return this.graph.node('Attention', [q, k, v, mask], {
      is_causal: { int: 1 },
      q_num_heads: { int: heads.query },
      kv_num_heads: { int: heads.keyValue },
      scale: { float: scale },
      softcap: { float: softcap },
    });
  }

  /** The mask of a sliding window, or undefined where there is none or every window of the run lies within it. */
  windowMask(positions: Value, slidingWindow: number | undefined, { windowTokens }: WindowOptions): Value | undefined {
    return slidingWindow !== undefined && slidingWindow < windowTokens ? this.slidingMask(positions, slidingWindow) : undefined;
  }

  /** Mask [windows, 1, tokens, tokens], true where the key is fewer than `slidingWindow` tokens back. */
  private slidingMask(positions: Value, slidingWindow: number): Value {
    const { graph } = this;
    const query = graph.node('Unsqueeze', [positions, graph.integers([1, 3])]);
    const key = graph.node('Unsqueeze', [positions, graph.integers([1, 2])]);
    return graph.node('Less', [graph.node('Sub', [query, key]), graph.integers([slidingWindow], [])]);
  }

  /**
   * Attention bias [heads, tokens, tokens] of ALiBi: slope · (key − query), which is at most 0 where the key is visible.
   *
   * Positions are those of the first window: all windows of a run are equally long and count from 0.
   */
  alibi(positions: Value, slopes: Float32Array): Value {
    const { graph } = this;
    const first = graph.node('Cast', [graph.node('Gather', [positions, graph.integers([0], [])])], { to: { int: 1 } });
    const distance = graph.node('Sub', [first, graph.node('Unsqueeze', [first, graph.integers([1])])]);
    return graph.node('Mul', [graph.floats(slopes, [slopes.length, 1, 1]), distance]);
  }

  /** An activation function, element by element. */
  activate(x: Value, activation: ActivationFunction): Value {
    if (activation === 'relu') return this.graph.node('Relu', [x]);
    if (activation === 'silu') return this.silu(x);
    if (activation === 'quick_gelu') return this.graph.node('QuickGelu', [x], { alpha: { float: 1.702 } }, MICROSOFT);
    return this.graph.node('Gelu', [x], { approximate: { text: activation === 'gelu_tanh' ? 'tanh' : 'none' } });
  }

  /** x · sigmoid(x), in one pass over the values. */
  silu(x: Value): Value {
    return this.graph.node('QuickGelu', [x], { alpha: { float: 1 } }, MICROSOFT);
  }

  /** cap · tanh(x / cap): x where it is small, never beyond ± cap. */
  softcap(x: Value, cap: number): Value {
    const { graph } = this;
    const bound = graph.floats([cap], []);
    return graph.node('Mul', [graph.node('Tanh', [graph.node('Div', [x, bound])]), bound]);
  }

  /**
   * Log-probability of the target of each row: hidden [rows, hidden] and targets [rows, 1] to [rows, 1]; logits are
   * softcapped where a cap is given.
   *
   * LogSoftmax, not ReduceLogSumExp: that sums a large vocabulary one by one in float32, 1e-4 too low at 49,152.
   */
  logProbability(hidden: Value, outputEmbedding: Value, targets: Value, cap?: number): Value {
    const { graph } = this;
    const logits = this.timesTransposed(hidden, outputEmbedding);
    const logprobs = graph.node('LogSoftmax', [cap === undefined ? logits : this.softcap(logits, cap)], { axis: { int: 1 } });
    return graph.node('GatherElements', [logprobs, targets], { axis: { int: 1 } });
  }

  /** Finishes the piece. */
  build(): ModelPiece {
    const externalFolder = this.folder ?? this.checkpoint.directory;
    const { label, splitWeights } = this;
    const piece = { label, graph: this.graph.serialize(), externalFolder, externalFiles: [...this.files] };
    return splitWeights.length > 0 ? { ...piece, splitWeights } : piece;
  }

  private locate(name: string): TensorLocation {
    const location = this.checkpoint.tensors.get(name);
    if (!location) throw new UnsupportedModelError(`${this.label}: tensor "${name}" was not checked when the model was opened.`);
    return location;
  }

  /** Maps bytes from their shard in the type they are stored in. */
  private stored(location: TensorLocation): Value {
    const { name, dtype, shape, offset, length } = location;
    return this.graph.external(name, dtype, shape, { file: this.fileOf(location), offset, length });
  }

  private asFloat32(value: Value, { dtype }: TensorLocation): Value {
    return dtype === 'F32' ? value : this.graph.node('Cast', [value], { to: { int: 1 } });
  }

  private product(x: Value, layer: LinearLayer, form: LinearForm): Value {
    const name = `${layer.module}.weight`;
    switch (form) {
      case 'int8':
        return int8Product(this.graph, x, layer);
      case 'split':
        return this.splitProduct(x, this.locate(name), layer);
      case 'fed':
        return this.timesTransposed(x, this.graph.input(name, 'F32', [layer.outFeatures, layer.inFeatures]));
      case 'stored':
        return this.timesTransposed(x, this.weight(name));
    }
  }

  private splitProduct(x: Value, location: TensorLocation, { outFeatures, inFeatures }: LinearLayer): Value {
    this.fileOf(location);
    this.splitWeights.push(location);
    let activations = this.slicedActivations.get(x);
    if (!activations) this.slicedActivations.set(x, (activations = splitActivations(this.graph, x)));
    return splitProduct(this.graph, activations, { name: location.name, outFeatures, inFeatures });
  }

  private fileOf({ file, name }: TensorLocation): string {
    this.folder ??= dirname(file);
    if (dirname(file) !== this.folder)
      throw new UnsupportedModelError(
        `${this.label}: "${name}" lies in ${dirname(file)}, other weights of the block in ${this.folder}. Put all shards into one folder.`,
      );
    this.files.add(file);
    return basename(file);
  }
}
