import type { TextShape } from '../corpus/index.js';
import { VerificationError } from '../evaluation/index.js';
import type { Bits, CalibrationChoice, CorrectionChoice, ExpertChoice, InitializerName } from './jobs.js';
import { INITIALIZER_NAMES } from './jobs.js';
import type { Arithmetic } from '../planning/index.js';

/** What is claimed of one module. */
export interface ModuleClaim {
  readonly name: string;
  /** [out, in] */
  readonly shape: readonly [number, number];
  readonly loss: { readonly none: number; readonly final: number };
  readonly heldOut: { readonly none: number; readonly final: number } | null;
  readonly statistic: 'H' | 'G';
}

/** What is claimed of one matrix of a routed expert. */
export interface ExpertMatrixClaim extends ModuleClaim {
  readonly tokens: number;
  readonly heldOutTokens: number;
  readonly statistics: 'own' | 'shared';
}

/** What report.json claims of an output, as far as it can be verified. */
export interface OutputClaims {
  readonly model: string;
  /** Of the Hub repository; undefined for a directory. */
  readonly commit?: string | undefined;
  readonly shardHashes: readonly { readonly file: string; readonly sha256: string }[];
  readonly quantizer: string;
  readonly initializer: string;
  readonly initializerSteps: number | null;
  readonly rank: number;
  readonly alpha: number;
  readonly scaling: number;
  readonly seed: number;
  readonly calibrationTokens: number;
  /** Where the tokens were chosen: how many there were to choose from. */
  readonly tokenChoice?: { readonly considered: number };
  /** How the calibration text was read. */
  readonly calibration: { readonly shape: TextShape };
  readonly windowTokens: number;
  readonly heldOutFraction: number;
  readonly samples: number | null;
  /** float32 where it is left out. */
  readonly arithmetic?: { readonly used: Arithmetic };
  readonly modules: readonly ModuleClaim[];
  /** Left out for a model without routed experts; `corrected` is null where they were left as they are. */
  readonly experts?: { readonly corrected: { readonly modules: readonly ExpertMatrixClaim[] } | null };
}

/** What is claimed of the matrices of routed experts; undefined where they were left as they are. */
export const claimedExperts = ({ experts }: OutputClaims): readonly ExpertMatrixClaim[] | undefined => experts?.corrected?.modules;

const BITS: Readonly<Record<string, Bits>> = { nf4: 4, int8: 8 };

/** The initializer's name where it is one of quailora's. */
export const stockInitializerName = ({ initializer }: OutputClaims): InitializerName | undefined =>
  INITIALIZER_NAMES.find((name) => name === initializer);

/**
 * The options by which an output was made.
 *
 * @throws VerificationError QL_VERIFY_QUANTIZER for a user's own quantizer; retrying does not help
 */
export const claimedChoice = (claims: OutputClaims): CorrectionChoice & ExpertChoice & Omit<CalibrationChoice, 'calibration'> => {
  const {
    quantizer,
    rank,
    alpha,
    scaling,
    initializer,
    initializerSteps,
    windowTokens,
    heldOutFraction,
    seed,
    samples,
    calibrationTokens,
    tokenChoice,
    calibration,
  } = claims;
  const bits = BITS[quantizer];
  const experts = claimedExperts(claims) ?? [];
  if (bits === undefined)
    throw new VerificationError(
      'QL_VERIFY_QUANTIZER',
      `report.json names the quantizer "${quantizer}"; verify knows ${Object.keys(BITS).join(' and ')}, and can't make the bytes of another again.`,
    );
  return {
    ...{ bits, rank, alpha, rslora: scaling !== alpha / rank, windowTokens, heldOutFraction, seed },
    calibrationShape: calibration.shape,
    budget:
      samples === null
        ? { kind: 'tokens', tokens: calibrationTokens, ...(tokenChoice && { of: tokenChoice.considered }) }
        : { kind: 'samples', samples },
    // Only LoftQ is run again, and only its steps matter.
    ...{ alsSteps: 1, loftqSteps: initializer === 'loftq' ? (initializerSteps ?? 1) : 1, balance: true },
    modules: [...new Set([...claims.modules, ...experts].map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))],
    experts: claimedExperts(claims) !== undefined,
  };
};
