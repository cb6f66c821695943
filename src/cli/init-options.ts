import { Option, type Command } from 'commander';
import { KEPT_SUMS, type InitializeJob, type InitializerName, type KeptSums } from '../stages/index.js';
import { initializerOption } from './job-options.js';
import { option } from './option.js';
import { filled, oneOf } from './option-parsers.js';

/** What commander collects for the options of `addInitOptions`. */
export interface InitFlags {
  readonly initializer: InitializerName;
  readonly writeBase?: boolean;
  readonly baseName?: string;
  readonly experts?: boolean;
  readonly keepStatistics?: KeptSums;
}

/** Adds the options that `init` and its `plan` share with no other command. */
export const addInitOptions = (command: Command): Command =>
  command
    .addOption(initializerOption())
    .option('--write-base', 'also write the quantized checkpoint')
    .addOption(
      new Option(
        '--experts',
        'of a mixture model: quantize and correct each routed expert too, and write plain factors to experts/, which stock peft ' +
          'can not load; a block then takes about 4 B x experts x (hidden^2 + min(hidden, expert width)^2), twice with held-out text',
      ),
    )
    .addOption(option('--base-name <name>', 'base_model_name_or_path of the adapter (default: MODEL)', filled('--base-name')))
    .addOption(
      option(
        `--keep-statistics [${KEPT_SUMS.join('|')}]`,
        'write the sums to statistics/ for refit, 2 n^2 bytes each, twice with held-out text; used (default): what this run needs; ' +
          'all-h: an H of every input, also for another bit width and LoftQ, n being the ffn width for down projections',
        oneOf('--keep-statistics', KEPT_SUMS),
      ).preset('used'),
    );

/** Turns those flags into the part of a job that they say. */
export const initChoices = (
  flags: InitFlags,
): Pick<InitializeJob, 'initializer' | 'writeBase' | 'baseName' | 'experts' | 'keepStatistics'> => ({
  initializer: flags.initializer,
  writeBase: flags.writeBase ?? false,
  ...(flags.baseName !== undefined && { baseName: flags.baseName }),
  ...(flags.experts && { experts: true }),
  ...(flags.keepStatistics && { keepStatistics: flags.keepStatistics }),
});
