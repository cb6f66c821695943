/** Windows that go through a block in one run of its graph: neighbours of equal length. */
export interface Run {
  /** Position in the token stream of its split, from 0. */
  readonly sequence: number;
  /** Number of the first window. */
  readonly firstWindow: number;
  readonly windows: number;
  readonly windowTokens: number;
}

/** Which sums a segment belongs to: those the solver uses, or those that check it. */
export type Split = 'calibration' | 'heldOut';

/** Runs that one worker folds into one set of partial sums. */
export interface Segment {
  /** Position among the segments of its split, from 0. */
  readonly index: number;
  readonly split: Split;
  readonly runs: readonly Run[];
  readonly tokens: number;
}

/** Sizes that decide where sums are cut, and with that the last bits of the result. */
export interface SegmentSizes {
  /** Tokens of one run at most, unless a single window is longer. */
  readonly runTokens: number;
  /** A segment ends with the run that reaches so many tokens. */
  readonly segmentTokens: number;
}

/**
 * Cuts windows into runs and segments.
 *
 * The cut follows from the window lengths and the sizes alone, never from the number of workers: partial sums are
 * folded in the order of segments, so equal options give equal bytes.
 */
export const planSegments = (windowLengths: readonly number[], split: Split, sizes: SegmentSizes): Segment[] => {
  const segments: Segment[] = [];
  let runs: Run[] = [];
  let tokens = 0;
  let sequence = 0;
  for (let first = 0; first < windowLengths.length;) {
    const windowTokens = windowLengths[first]!;
    let windows = 1;
    while (windowLengths[first + windows] === windowTokens && (windows + 1) * windowTokens <= sizes.runTokens) windows++;
    runs.push({ sequence: sequence++, firstWindow: first, windows, windowTokens });
    tokens += windows * windowTokens;
    first += windows;
    if (tokens >= sizes.segmentTokens || first === windowLengths.length) {
      segments.push({ index: segments.length, split, runs, tokens });
      runs = [];
      tokens = 0;
    }
  }
  return segments;
};

/** Position of every token of a run in its window, [windows, windowTokens], as ONNX graphs take it. */
export const runPositions = ({ windows, windowTokens }: Run): BigInt64Array =>
  BigInt64Array.from({ length: windows * windowTokens }, (_, i) => BigInt(i % windowTokens));
