import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';

/** One linear layer of a block, as peft and bitsandbytes see it. */
export interface LinearLayer {
  /** Full module name, for instance `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly outFeatures: number;
  readonly inFeatures: number;
  /** True when `<module>.bias` is added. */
  readonly bias: boolean;
  /** Name of the activation it reads; layers with equal names read the same values. */
  readonly input: string;
  /** False where peft can't be told to adapt it, so that it is quantized and not corrected; left out elsewhere. */
  readonly adaptable?: boolean;
}

/** An activation inside a block that linear layers read. */
export interface BlockInput {
  readonly name: string;
  /** Features of one token. */
  readonly width: number;
}

/** One matrix of one routed expert: a linear layer whose weight need not be a tensor of its own. */
export interface ExpertMatrix {
  /** From 0. */
  readonly expert: number;
  /** The activation of the mixture of which this expert's rows are read; `layer.input` names just those rows. */
  readonly activation: string;
  readonly layer: LinearLayer;
  /** [out, in]; a part of a tensor where the checkpoint stores all experts as one. */
  readonly location: TensorLocation;
}

/** An activation that routed experts read. */
export interface ExpertInput extends BlockInput {
  /** `block`: given to every expert that a token is routed to. `expert`: computed by each expert for itself. */
  readonly madeBy: 'block' | 'expert';
}

/** The routed experts of a block: each token goes to a few of them. */
export interface ExpertMixture {
  /** Full name of the module that holds router and experts. */
  readonly module: string;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Every matrix of every expert; none is quantized by `load_in_4bit` (transformers 5 has them as 3-D parameters). */
  readonly matrices: readonly ExpertMatrix[];
  /** What experts read: `expertsPerToken` rows for each token, sorted by expert, then by token. */
  readonly inputs: readonly ExpertInput[];
}

/**
 * Where the linear layers of a block take their arithmetic from.
 *
 * `stored`: the checkpoint's weights, mapped from the shards. `fed`: float32 matrices given at each run as
 * `<module>.weight` [out, in]. `int8`: LLM.int8 as it runs, given `<module>.weight` (the int8 codes as float32) and
 * `<module>.scale` [out] (SCB). `split`: the checkpoint's weights in two int8 slices, multiplied in integers with about
 * 15 bits; experts, and what is neither quantized nor corrected, stay float32.
 */
export type LinearForm = 'stored' | 'fed' | 'int8' | 'split';

/** What the graph of a piece that knows positions goes by. */
export interface WindowOptions {
  /**
   * Longest window in tokens. Fixes the length of the rotary tables, and where their scaling depends on the length
   * (`dynamic`, `longrope`) their speed: shorter windows of the run turn as the longest one does.
   */
  readonly windowTokens: number;
}

/** What the graph of one block shall compute. */
export interface BlockGraphOptions extends WindowOptions {
  readonly linear: LinearForm;
  /** Modules with a LoRA branch, given at each run as `<module>.lora_A` [r, in] and `<module>.lora_B` [out, r], scaled. */
  readonly lora?: ReadonlySet<string>;
  /**
   * Also return the activations that linear layers and experts read, under their names, and with a mixture
   * `expert_tokens` [experts] (int64), the rows of each expert.
   */
  readonly activations: boolean;
}

/** A serialized graph and the shards that its weights are mapped from. */
export interface ModelPiece {
  /** For messages: `block 3 of llama`. */
  readonly label: string;
  readonly graph: Uint8Array;
  /** Folder of the shards; absolute real path. */
  readonly externalFolder: string;
  /** The shards themselves; absolute real paths. */
  readonly externalFiles: readonly string[];
  /** Weights in the form `split`, which the graph is given at each run as `splitWeight` makes them; left out where there are none. */
  readonly splitWeights?: readonly TensorLocation[];
}

/**
 * A causal language model cut into pieces that run one after the other.
 *
 * A block piece takes `hidden` [windows, tokens, hidden] (float32) and `positions` [windows, tokens] (int64) and
 * returns the next hidden states under the name `next`. The entry piece, where there is one, takes the same, with rows
 * of the embedding table in the place of hidden states, and returns the first hidden states. The head takes `hidden`
 * [rows, hidden] and `targets` [rows, 1] (int64) and returns `logprob` [rows, 1] (natural logarithm).
 */
export interface CausalModel {
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly blocks: number;
  /** Tokens of the longest window it has positions for; Infinity where nothing ends them. */
  readonly maxPositions: number;
  /** Token embedding, [vocabulary, width]; its rows are the first hidden states, unless there is an entry piece. */
  readonly embedding: TensorLocation;
  /** Full names of the modules that stay as they are, the head first, mixtures as a whole, names of transformers 4 included. */
  readonly unquantizedModules: readonly string[];
  /** Linear layers of a block in the order the block computes them; every one is quantized by `load_in_4bit`. */
  linears(block: number): readonly LinearLayer[];
  /** The distinct activations those layers read. */
  inputs(block: number): readonly BlockInput[];
  /** The routed experts of a block; undefined where it is dense. Left out by families without experts. */
  mixture?(block: number): ExpertMixture | undefined;
  /** Builds the graph between the embedding table and the first block; undefined where nothing is computed there. */
  entry(options: WindowOptions): ModelPiece | undefined;
  /** Builds the graph of one block. */
  block(block: number, options: BlockGraphOptions): ModelPiece;
  /** Builds the graph of final norm, output embedding and log-probability. */
  head(): ModelPiece;
}

/** A family of architectures, named by the `model_type` of config.json. */
export interface ModelFamily {
  readonly modelType: string;
  /** First part of the names of everything but the head, which old files leave out: `model`, `transformer`, … */
  readonly namePrefix: string;
  /**
   * Reads the architecture off an opened checkpoint.
   *
   * @throws UnsupportedModelError when the configuration asks for something the family here does not compute
   * @throws MalformedCheckpointError when a tensor is missing or has another shape
   */
  open(checkpoint: Checkpoint): CausalModel;
}
