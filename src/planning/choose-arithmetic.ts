import { QuailoraError } from '../foundation/index.js';
import { multipliesIntegersExactly, readProcessorFlags } from '../runtime/index.js';

/** How the products of a block's linear layers are computed: float32, or two int8 slices a side with about 15 bits. */
export type Arithmetic = 'f32' | 'int8-split';

/** What a user may ask for; `auto` decides by the processor's features and the width of the model. */
export type AskedArithmetic = 'auto' | Arithmetic;

/** What may be asked for, in the order in which help shows it. */
export const ARITHMETICS = ['auto', 'f32', 'int8-split'] as const satisfies readonly AskedArithmetic[];

/** What was asked for, what is used, and why; what is used decides floats. */
export interface ArithmeticChoice {
  readonly asked: AskedArithmetic;
  readonly used: Arithmetic;
  readonly why: string;
}

/** Thrown where the arithmetic that was asked for would give wrong numbers; retrying does not help. */
export class ArithmeticError extends QuailoraError {
  constructor(message: string) {
    super('QL_ARITHMETIC', message);
  }
}

/** What a processor can do. */
export interface ProcessorAbility {
  /** Features as Linux names them. */
  readonly flags: ReadonlySet<string>;
  /** What `multipliesIntegersExactly` found. */
  readonly exactIntegers: boolean;
}

/** Narrowest model for which the integers of a feature are faster, all elementwise work included (README, Memory and time). */
const FASTER_FROM = [
  // Not measured; taken to pay from where VNNI does.
  { flag: 'amx_int8', name: 'AMX', hiddenSize: 1024 },
  { flag: 'avx512_vnni', name: 'AVX512-VNNI', hiddenSize: 1024 },
  { flag: 'avx_vnni', name: 'AVX-VNNI', hiddenSize: 1024 },
] as const;

/**
 * Decides the arithmetic of a run from features alone, never from a clock: equal processors decide alike.
 *
 * @param hiddenSize of the model
 * @throws ArithmeticError QL_ARITHMETIC when int8-split is asked for and integer products saturate
 */
export const decideArithmetic = (
  asked: AskedArithmetic,
  hiddenSize: number,
  { flags, exactIntegers }: ProcessorAbility,
): ArithmeticChoice => {
  if (asked === 'f32') return { asked, used: 'f32', why: 'it was asked for' };
  if (!exactIntegers) {
    const why = 'products of 8-bit integers saturate on this processor';
    if (asked === 'auto') return { asked, used: 'f32', why };
    throw new ArithmeticError(`int8-split would give wrong numbers: ${why} (it has no VNNI or AMX). Use --arithmetic f32 or auto.`);
  }
  if (asked === 'int8-split') return { asked, used: 'int8-split', why: 'it was asked for' };
  const feature = FASTER_FROM.find(({ flag }) => flags.has(flag));
  if (!feature) return { asked, used: 'f32', why: 'the processor is not known to have VNNI or AMX' };
  const width = `the model is ${hiddenSize} wide`;
  return hiddenSize < feature.hiddenSize
    ? { asked, used: 'f32', why: `${width}, and with ${feature.name} integers are faster from ${feature.hiddenSize}` }
    : { asked, used: 'int8-split', why: `the processor has ${feature.name}, and ${width}` };
};

/** What of the choice decides floats, for a fingerprint: not who asked, nor why. */
export const fingerprintArithmetic = ({ used }: ArithmeticChoice): { readonly arithmetic: Arithmetic } => ({ arithmetic: used });

/**
 * Tests this processor and decides the arithmetic of a run.
 *
 * @throws ArithmeticError as `decideArithmetic`
 */
export const chooseArithmetic = async (asked: AskedArithmetic, hiddenSize: number): Promise<ArithmeticChoice> => {
  const flags = await readProcessorFlags();
  const wished = decideArithmetic(asked, hiddenSize, { flags, exactIntegers: true });
  if (wished.used === 'f32') return wished;
  return decideArithmetic(asked, hiddenSize, { flags, exactIntegers: await multipliesIntegersExactly() });
};
