import { concat, concatMap, defer, ignoreElements, type Observable, range, tap, toArray } from 'rxjs';
import type { Checkpoint } from '../checkpoint/index.js';
import type { Window } from '../corpus/index.js';
import { inSequence } from '../dataflow/index.js';
import { perplexityOf, SCORE_TASK, type ModelVariant, type ScoreArgument } from '../evaluation/index.js';
import type { CausalModel } from '../models/index.js';
import { buffersOf, type WorkerPool } from '../runtime/index.js';
import { walkModel, type ModelWalkOptions } from './model-walk.js';
import { Propagation, segmentIds } from './propagation.js';
import type { ScratchDirectory } from './scratch-directory.js';

/** Hidden states kept in memory between two blocks; more of them go through files. */
const HIDDEN_STATE_BYTES = 64 * 1024 * 1024;

/** What a text is scored with. */
export interface ScoredModel extends Pick<ModelWalkOptions, 'prefetch' | 'clock'> {
  readonly checkpoint: Checkpoint;
  readonly model: CausalModel;
  readonly variant: ModelVariant;
  readonly windows: readonly Window[];
  readonly pool: WorkerPool;
  readonly scratch: ScratchDirectory;
  /** Called as segments pass a block, with the tokens that have. */
  readonly onTokens?: (block: number, tokens: number) => void;
}

/** Log-probabilities of a text, and what follows from them. */
export interface TextScore {
  /** Window by window, one value for each predicted token. */
  readonly logprobs: readonly Float32Array[];
  readonly perplexity: number;
  /** Predicted tokens. */
  readonly tokens: number;
}

/** Sends windows through a whole model, block by block, and emits their score, once. */
export const scoreVariant = (scored: ScoredModel): Observable<TextScore> =>
  defer(() => {
    const { checkpoint, model, variant, windows, pool, scratch, onTokens } = scored;
    const walk = walkModel(checkpoint, model, { ...scored, scores: true });
    const budget = { bytes: HIDDEN_STATE_BYTES, directory: scratch.path };
    const propagation = new Propagation(model, { calibration: windows, heldOut: [] }, pool, budget, undefined, walk);
    const piece = model.head();
    const blocks$ = range(0, model.blocks).pipe(
      concatMap((block) => {
        let tokens = 0;
        const options = { form: variant.form, fed: variant.fed(block) };
        return propagation.through(block, options).pipe(tap(({ segment }) => onTokens?.(block, (tokens += segment.tokens))));
      }),
      ignoreElements(),
    );
    const scores$ = propagation
      .finish(async (segment, hidden) => {
        const { hiddenSize, vocabularySize } = model;
        const argument: ScoreArgument = { piece, hiddenSize, vocabularySize, segment, hidden, ids: segmentIds(segment, windows) };
        const moved = 'values' in hidden ? buffersOf(hidden.values, argument.ids) : buffersOf(argument.ids);
        return { index: segment.index, logprobs: await pool.call<Float32Array>(SCORE_TASK, 'score', argument, moved) };
      })
      .pipe(inSequence(({ index }) => index));
    return concat(propagation.embed(), blocks$, scores$).pipe(
      toArray(),
      concatMap(async (segments): Promise<TextScore> => {
        await propagation.clear();
        await walk.finish();
        const logprobs = segments.map((segment) => segment.logprobs);
        return { logprobs, ...perplexityOf(logprobs) };
      }),
    );
  });
