import type { ExpertMixture } from '../models/index.js';
import type { SessionTensor } from '../runtime/index.js';

/** What a block's routed experts read, as far as it is wanted. */
export interface RoutedInputs extends Pick<ExpertMixture, 'experts' | 'expertsPerToken'> {
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
}

/** What the experts of a block read in one run: rows sorted by expert, and how many rows each has. */
export class RoutedRows {
  /** What the run has to be given, by the name of the output. */
  readonly fetches: Readonly<Record<string, SessionTensor>>;
  private readonly perExpert: BigInt64Array;
  private readonly values = new Map<string, { readonly data: Float32Array; readonly width: number }>();

  /** Takes the buffers of a run; what `buffer` gives for a name and a length need only live until the next run. */
  constructor({ experts, expertsPerToken, inputs }: RoutedInputs, tokens: number, buffer: (name: string, length: number) => Float32Array) {
    const rows = tokens * expertsPerToken;
    this.perExpert = new BigInt64Array(experts);
    for (const { name, width } of inputs) this.values.set(name, { data: buffer(name, rows * width), width });
    this.fetches = {
      expert_tokens: { data: this.perExpert, shape: [experts] },
      ...Object.fromEntries([...this.values].map(([name, { data, width }]) => [name, { data, shape: [rows, width] }])),
    };
  }

  /** Rows of each expert, once the run is done. */
  get counts(): number[] {
    return Array.from(this.perExpert, Number);
  }

  /** Rows of one expert, or of all, [rows, width]: a view. */
  rowsOf(activation: string, expert: number | 'all'): Float32Array {
    const found = this.values.get(activation);
    if (!found) throw new RangeError(`"${activation}" was not fetched; fetched were ${[...this.values.keys()].join(', ')}.`);
    if (expert === 'all') return found.data;
    const begin = this.counts.slice(0, expert).reduce((sum, count) => sum + count, 0);
    return found.data.subarray(begin * found.width, (begin + Number(this.perExpert[expert])) * found.width);
  }
}
