import { ShapeMismatchError } from '../foundation/index.js';
import { gramGraph, gramPanels } from '../graph/index.js';
import { Session, type SessionTensor } from '../runtime/index.js';
import { chunkTokens, chunkValues, chunkWidth, type ActivationChunk } from '../transport/index.js';
import { zeroPanels, type SymmetricPanels } from './symmetric-sums.js';

/** Residual whose output second moment is summed in place of the input's. */
export interface GramResidual {
  /** E, [rows, width], row-major. */
  readonly E: Float32Array;
  readonly rows: number;
}

/**
 * Folds activation chunks into running sums: Σ x xᵀ, or Σ (E x)(E x)ᵀ, plain sums over tokens.
 *
 * The sums are added to in place by ONNX Runtime, upper panels only, in float32. Chunks are taken in the order they
 * are given.
 */
export class GramFold {
  private panels: SymmetricPanels;

  private constructor(
    private readonly session: Session,
    private readonly width: number,
    private readonly residual: GramResidual | undefined,
    private readonly n: number,
  ) {
    this.panels = zeroPanels(n);
  }

  /** Loads the fold's graph; release the fold after use. */
  static async open(width: number, residual?: GramResidual): Promise<GramFold> {
    const label = residual ? `the sum of (E x)(E x)ᵀ, E [${residual.rows}, ${width}]` : `the sum of x xᵀ, width ${width}`;
    const session = await Session.open(label, gramGraph(width, residual?.rows));
    return new GramFold(session, width, residual, residual?.rows ?? width);
  }

  /** Adds one chunk. */
  async add(chunk: ActivationChunk): Promise<void> {
    if (chunkWidth(chunk) !== this.width)
      throw new ShapeMismatchError(`"${chunk.input}" has ${chunkWidth(chunk)} features, but the sum was opened for ${this.width}.`);
    const feeds: Record<string, SessionTensor> = { x: { data: chunkValues(chunk), shape: [chunkTokens(chunk), this.width] } };
    const fetches: Record<string, SessionTensor> = {};
    if (this.residual) feeds['E'] = { data: this.residual.E, shape: [this.residual.rows, this.width] };
    gramPanels(this.n).forEach(({ begin, end }, p) => {
      const panel = { data: this.panels[p]!, shape: [end - begin, this.n - begin] };
      feeds[`panel_${p}`] = panel;
      fetches[`sum_${p}`] = panel;
    });
    await this.session.run(feeds, fetches);
  }

  /** Returns the sums so far and starts again at zero. */
  take(): SymmetricPanels {
    const { panels } = this;
    this.panels = zeroPanels(this.n);
    return panels;
  }

  /** Frees the graph. */
  async release(): Promise<void> {
    await this.session.release();
  }
}
