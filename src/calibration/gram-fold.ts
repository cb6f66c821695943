import { ShapeMismatchError } from '../foundation/index.js';
import { gramGraph, gramPanels } from '../graph/index.js';
import { Session, unvaryingThreads, type SessionTensor } from '../runtime/index.js';
import { chunkValues, chunkWidth, type ActivationChunk } from '../transport/index.js';
import { zeroPanels, type SymmetricPanels } from './symmetric-sums.js';

/** Residual whose output second moment is summed in place of the input's. */
export interface GramResidual {
  /** E, [rows, width], row-major. */
  readonly E: Float32Array;
  readonly rows: number;
}

/** What the folds of equal sizes share, one working at a time: a mixture has hundreds of them. */
export class GramGraphs {
  /** Holds nothing yet. @param threads inside one product */
  constructor(private readonly threads = 1) {}

  private readonly sessions = new Map<string, Promise<Session>>();
  private readonly copies = new Map<number, { of: Float32Array | undefined; readonly data: Float32Array }>();

  /** Loads a graph, or gives the one that was loaded for these sizes. */
  load(width: number, residualRows: number | undefined): Promise<Session> {
    const key = `${width} ${residualRows ?? ''}`;
    let session = this.sessions.get(key);
    if (!session) this.sessions.set(key, (session = loadGramGraph(width, residualRows, this.threads)));
    return session;
  }

  /** A copy of E in memory of its own, which ONNX Runtime needs; residuals of one size take turns in one. */
  own(E: Float32Array): Float32Array {
    let copy = this.copies.get(E.length);
    if (!copy) this.copies.set(E.length, (copy = { of: undefined, data: new Float32Array(E.length) }));
    if (copy.of !== E) {
      copy.data.set(E);
      copy.of = E;
    }
    return copy.data;
  }

  /** Frees the graphs. */
  async release(): Promise<void> {
    const open = [...this.sessions.values()];
    this.sessions.clear();
    this.copies.clear();
    for (const session of open) await (await session).release();
  }
}

/** Chunks have few rows or many: the number of threads has to suit both. */
const gramThreads = (inner: number, columns: number | undefined, threads: number): number =>
  columns === undefined ? threads : Math.min(...[1, columns].map((rows) => unvaryingThreads({ rows, inner, columns }, threads)));

const loadGramGraph = (width: number, residualRows: number | undefined, threads: number): Promise<Session> =>
  Session.open(
    residualRows === undefined ? `the sum of x xᵀ, width ${width}` : `the sum of (E x)(E x)ᵀ, E [${residualRows}, ${width}]`,
    gramGraph(width, residualRows),
    { threads: gramThreads(width, residualRows, threads) },
  );

/**
 * Folds activation chunks into running sums: Σ x xᵀ, or Σ (E x)(E x)ᵀ, plain sums over tokens.
 *
 * The sums are added to in place by ONNX Runtime, upper panels only, in float32. Chunks are taken in the order they
 * are given.
 */
export class GramFold {
  private panels: SymmetricPanels | undefined;

  private constructor(
    private readonly session: Session,
    private readonly width: number,
    private readonly residual: GramResidual | undefined,
    private readonly graphs: GramGraphs | undefined,
  ) {}

  /** Loads the fold's graph, or takes it from `graphs`, which then has to be released; release the fold after use. */
  static async open(width: number, residual?: GramResidual, graphs?: GramGraphs): Promise<GramFold> {
    const session = await (graphs ? graphs.load(width, residual?.rows) : loadGramGraph(width, residual?.rows, 1));
    return new GramFold(session, width, residual, graphs);
  }

  /** True when nothing was added since the sums were taken. */
  get untouched(): boolean {
    return this.panels === undefined;
  }

  /** Adds one chunk. */
  async add(chunk: ActivationChunk): Promise<void> {
    if (chunkWidth(chunk) !== this.width)
      throw new ShapeMismatchError(`"${chunk.input}" has ${chunkWidth(chunk)} features, but the sum was opened for ${this.width}.`);
    await this.addRows(chunkValues(chunk));
  }

  /** Adds rows of activations, [rows, width], row-major; none costs nothing. */
  async addRows(rows: Float32Array): Promise<void> {
    if (rows.length === 0) return;
    const { n } = this;
    const panels = (this.panels ??= zeroPanels(n));
    const feeds: Record<string, SessionTensor> = { x: { data: rows, shape: [rows.length / this.width, this.width] } };
    const fetches: Record<string, SessionTensor> = {};
    if (this.residual) feeds['E'] = { data: this.ownResidual(this.residual.E), shape: [this.residual.rows, this.width] };
    gramPanels(n).forEach(({ begin, end }, p) => {
      const panel = { data: panels[p]!, shape: [end - begin, n - begin] };
      feeds[`panel_${p}`] = panel;
      fetches[`sum_${p}`] = panel;
    });
    await this.session.run(feeds, fetches);
  }

  /** Bytes of the residual that it holds. */
  get residualBytes(): number {
    return this.residual?.E.byteLength ?? 0;
  }

  /** Returns the sums so far and starts again at zero. */
  take(): SymmetricPanels {
    const panels = this.panels ?? zeroPanels(this.n);
    this.panels = undefined;
    return panels;
  }

  /** Frees the graph, unless it is shared. */
  async release(): Promise<void> {
    if (!this.graphs) await this.session.release();
  }

  /** ONNX Runtime refuses shared memory. */
  private ownResidual(E: Float32Array): Float32Array {
    return this.graphs && E.buffer instanceof SharedArrayBuffer ? this.graphs.own(E) : E;
  }

  private get n(): number {
    return this.residual?.rows ?? this.width;
  }
}
