/** Perplexity of one way to run a model. */
export interface EvaluationReport {
  readonly model: string;
  /** How the weights were run: `full precision`, `nf4`, `LLM.int8`, … */
  readonly weights: string;
  /** Adapter directory that was applied. */
  readonly adapter: string | null;
  /** exp of the mean negative log-likelihood of the predicted tokens. */
  readonly perplexity: number;
  /** Predicted tokens: all of the text's windows but the first of each. */
  readonly tokens: number;
  readonly windowTokens: number;
  /** With 8 bits: the same weights with full-precision activations, a figure that no library reaches when it runs. */
  readonly weightOnlyPerplexity?: number;
  /** Arrow file of log-probabilities, where one was asked for. */
  readonly logprobs?: string;
  /** What computed: `cpu`, `cuda` or `webgpu`. */
  readonly device?: string;
  readonly seconds: number;
  /** The kernel's high-water mark. */
  readonly peakRssBytes: number;
}
