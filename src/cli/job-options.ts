import { Option, type Command } from 'commander';
import { ARITHMETICS, type AskedArithmetic } from '../planning/index.js';
import { DEVICES, type Device } from '../runtime/index.js';
import {
  INITIALIZER_NAMES,
  type AutomaticBudget,
  type Bits,
  type CalibrationChoice,
  type CorrectionChoice,
  type DeviceChoice,
  type JobControl,
  type TokenBudget,
} from '../stages/index.js';
import { option } from './option.js';
import { autoOrWholeNumber, filled, fraction, moduleNames, oneOf, positiveNumber, wholeNumber } from './option-parsers.js';
import { addTextOptions, planSource, TEXT_SOURCES, textShape, type TextFlags } from './text-options.js';
import { UsageError } from './usage-error.js';

/** Records drawn when neither --samples nor --tokens is given; the paper's number. */
const DEFAULT_SAMPLES = 2000;

/** --bits, without a default. */
export const bitsOption = (): Option =>
  option<Bits>('--bits <4|8>', '4: NF4 with double quantization; 8: LLM.int8', oneOf('--bits', [4, 8]));

/** --window. */
export const windowOption = (): Option => option('--window <tokens>', 'tokens of one window', wholeNumber('--window', 2, 1 << 20), 512);

/** --json. */
export const jsonOption = (): Option => new Option('--json', 'print one JSON event a line, the last one being the result');

/** --initializer. */
export const initializerOption = (): Option =>
  option(
    `--initializer <${INITIALIZER_NAMES.join('|')}>`,
    'how the factors are chosen',
    oneOf('--initializer', INITIALIZER_NAMES),
    'exact',
  );

/** --device. */
export const deviceOption = (): Option =>
  option<Device>(
    `--device <${DEVICES.join('|')}>`,
    'what computes; a GPU has one worker (unmeasured; cuda needs an installation with CUDA=1)',
    oneOf('--device', DEVICES),
  );

/**
 * Turns --device into the part of a job that it says.
 *
 * @throws UsageError QL_USAGE for several workers on one GPU
 */
export const deviceChoice = ({ device, workers = 1 }: { readonly device?: Device; readonly workers?: number }): DeviceChoice => {
  if (device !== undefined && device !== 'cpu' && workers > 1)
    throw new UsageError(`--device ${device} has one worker: a second would share the same GPU. Leave --workers ${workers} out.`);
  return device === undefined ? {} : { device };
};

const arithmeticOption = (): Option =>
  option(
    `--arithmetic <${ARITHMETICS.join('|')}>`,
    'how the text passes the linear layers; int8-split: integers, about 15 bits (auto: where the processor makes it faster)',
    oneOf('--arithmetic', ARITHMETICS),
    'auto',
  );

/** What commander collects for the options of `addJobOptions`. */
export interface JobFlags extends TextFlags {
  readonly calibration: string;
  readonly bits: Bits;
  readonly rank: number;
  readonly alpha: number;
  readonly rslora: boolean;
  readonly alsSteps: number;
  readonly loftqSteps: number;
  readonly balance: boolean;
  readonly modules: 'all-linear' | readonly string[];
  readonly samples?: number;
  readonly tokens?: number | 'auto';
  readonly window: number;
  readonly heldOut: number;
  readonly seed: number;
  readonly arithmetic: AskedArithmetic;
  readonly workers?: number;
  readonly device?: Device;
}

/** The same where no text need be given. */
export type OpenTextFlags = Omit<JobFlags, 'calibration'> & Partial<Pick<JobFlags, 'calibration'>>;

/** Adds the options that `init` and `compare` share; in a `plan` the text is optional. */
export const addJobOptions = (command: Command, text: 'required' | 'optional' = 'required'): Command =>
  addTextOptions(
    command.addOption(
      option('--calibration <source>', `text to calibrate on: ${TEXT_SOURCES}`, filled('--calibration')).makeOptionMandatory(
        text === 'required',
      ),
    ),
    '--calibration',
  )
    .addOption(bitsOption().default(4))
    .addOption(option('--rank <r>', 'rank of every correction', wholeNumber('--rank', 1, 1 << 16), 64))
    .addOption(option('--alpha <a>', 'lora_alpha; the factors are divided by the scaling it gives', positiveNumber('--alpha'), 16))
    .addOption(new Option('--rslora', 'scale by alpha / sqrt(rank) in place of alpha / rank').default(false))
    .addOption(option('--als-steps <n>', "alternations of the paper's ALS", wholeNumber('--als-steps', 1, 10_000), 20))
    .addOption(option('--loftq-steps <n>', 'alternations of LoftQ', wholeNumber('--loftq-steps', 1, 10_000), 5))
    .addOption(new Option('--no-balance', 'leave the factors as the initializer scales them'))
    .addOption(option('--modules <names>', 'all-linear, or names like q_proj,v_proj', moduleNames('--modules'), 'all-linear'))
    .addOption(
      option('--samples <n>', `calibrate on n records drawn with the seed (default: ${DEFAULT_SAMPLES})`, wholeNumber('--samples', 1)),
    )
    .addOption(
      option(
        '--tokens <n|auto>',
        'calibrate on the first n tokens in file order instead; auto (init only): as few as bring the held-out loss within 1 % of its limit',
        autoOrWholeNumber('--tokens', 2),
      ),
    )
    .addOption(windowOption())
    .addOption(option('--held-out <f>', 'held-out text, as a fraction of the calibration text', fraction('--held-out'), 0.1))
    .addOption(option('--seed <n>', 'seed of everything random', wholeNumber('--seed', 0, 2 ** 32 - 1), 0))
    .addOption(arithmeticOption())
    .addOption(
      option(
        '--workers <n>',
        'worker threads (default: one a core; init and plan: as many as the plan says fit)',
        wholeNumber('--workers', 1, 1024),
      ),
    )
    .addOption(deviceOption());

/** Refuses fewer tokens than one window holds. */
export const checkWindows = (tokens: number | 'auto' | undefined, window: number): void => {
  if (typeof tokens === 'number' && tokens < window)
    throw new UsageError(`--tokens ${tokens} is less than one window of ${window}. Give more tokens, or a smaller --window.`);
};

const tokenBudget = (flags: OpenTextFlags): TokenBudget | AutomaticBudget => {
  if (flags.samples !== undefined && flags.tokens !== undefined)
    throw new UsageError('--samples and --tokens exclude each other: give the number of records, or the number of tokens.');
  checkWindows(flags.tokens, flags.window);
  if (flags.tokens === 'auto') {
    if (flags.heldOut === 0)
      throw new UsageError(
        '--tokens auto goes by the loss on held-out text, so --held-out can not be 0. Leave it out, or give a number of tokens.',
      );
    return { kind: 'auto' };
  }
  return flags.tokens === undefined
    ? { kind: 'samples', samples: flags.samples ?? DEFAULT_SAMPLES }
    : { kind: 'tokens', tokens: flags.tokens };
};

/**
 * Refuses a --window that nothing obeys: samples that are pairs are cut by their own lengths.
 *
 * @param given the user typed it
 * @throws UsageError QL_USAGE
 */
export const checkPairWindow = (flags: JobFlags, given: boolean): void => {
  if (!given || flags.tokens !== undefined) return;
  const { pairTokens, format } = planSource(flags.calibration, textShape(flags), 'calibration');
  if (pairTokens)
    throw new UsageError(
      `Samples of the format ${format.name} are cut by --source-tokens (${pairTokens.source}) and --target-tokens (${pairTokens.target}), so --window does not apply. Leave it out, or give --tokens for windows of the joined records.`,
    );
};

const calibrationShape = (flags: JobFlags): Pick<CalibrationChoice, 'calibrationShape'> => {
  const shape = textShape(flags);
  planSource(flags.calibration, shape, 'calibration');
  return shape ? { calibrationShape: shape } : {};
};

/** What `jobChoices` gives, but for the text. */
type TextlessChoices = Omit<CalibrationChoice, 'calibration' | 'calibrationShape'> &
  CorrectionChoice &
  Pick<JobControl, 'workers' | 'device'>;

const textlessChoices = (flags: OpenTextFlags): TextlessChoices => ({
  ...deviceChoice(flags),
  budget: tokenBudget(flags),
  windowTokens: flags.window,
  heldOutFraction: flags.heldOut,
  seed: flags.seed,
  arithmetic: flags.arithmetic,
  bits: flags.bits,
  rank: flags.rank,
  alpha: flags.alpha,
  rslora: flags.rslora,
  alsSteps: flags.alsSteps,
  loftqSteps: flags.loftqSteps,
  balance: flags.balance,
  modules: flags.modules,
  ...(flags.workers !== undefined && { workers: flags.workers }),
});

/**
 * Turns the flags that `init` and `compare` share into the part of a job that they say.
 *
 * @throws UsageError QL_USAGE for flags that exclude each other
 */
export const jobChoices = (flags: JobFlags): CalibrationChoice & CorrectionChoice & { readonly workers?: number } => ({
  calibration: flags.calibration,
  ...calibrationShape(flags),
  ...textlessChoices(flags),
});

/**
 * The same where the text may be left out.
 *
 * @throws UsageError QL_USAGE as `jobChoices`, and for flags about a text that is not given
 */
export const openTextChoices = (flags: OpenTextFlags): TextlessChoices & Partial<CalibrationChoice> => {
  const { calibration } = flags;
  if (calibration !== undefined) return jobChoices({ ...flags, calibration });
  if (textShape(flags)) throw new UsageError('Options about the text need the text: give --calibration, or leave them out.');
  return textlessChoices(flags);
};
