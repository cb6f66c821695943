import type { Arbitrary } from 'fast-check';
import { QuailoraError } from '../../src/foundation/index.js';

/** A reader of files that strangers write, and hostile inputs for it. */
export interface HostileTarget {
  readonly name: string;
  /** Cases that a full run opens. */
  readonly cases: number;
  readonly inputs: Arbitrary<unknown>;
  /**
   * Writes an input to the target's directory, reads it and checks what was read.
   *
   * @throws QuailoraError where the reader refuses; Error where it accepts what is inconsistent
   */
  open(input: never): Promise<void>;
}

/** What became of one input: the code of the refusal, `accepted`, or a defect of the reader. */
export type Verdict = { readonly outcome: string } | { readonly defect: string };

/** Longest message that a person can still read in a terminal, in UTF-16 units. */
const LONGEST_MESSAGE = 20_000;

/** Opens one input and judges how its reader took it. */
export const judge = async (target: HostileTarget, input: unknown): Promise<Verdict> => {
  try {
    await target.open(input as never);
    return { outcome: 'accepted' };
  } catch (error) {
    if (!(error instanceof QuailoraError)) return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    if (!/^QL_[A-Z0-9_]+$/u.test(error.code)) return { defect: `the code ${error.code} is none of ours` };
    if (error.message.length > LONGEST_MESSAGE)
      return { defect: `${error.code} has a message of ${error.message.length} characters: ${error.message.slice(0, 200)}` };
    return { outcome: error.code };
  }
};
