import { Option, type Command } from 'commander';
import type { InitializeJob, InitializerName } from '../stages/index.js';
import { initializerOption } from './job-options.js';
import { option } from './option.js';
import { filled } from './option-parsers.js';

/** What commander collects for the options of `addInitOptions`. */
export interface InitFlags {
  readonly initializer: InitializerName;
  readonly writeBase?: boolean;
  readonly baseName?: string;
  readonly experts?: boolean;
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
    .addOption(option('--base-name <name>', 'base_model_name_or_path of the adapter (default: MODEL)', filled('--base-name')));

/** Turns those flags into the part of a job that they say. */
export const initChoices = (flags: InitFlags): Pick<InitializeJob, 'initializer' | 'writeBase' | 'baseName' | 'experts'> => ({
  initializer: flags.initializer,
  writeBase: flags.writeBase ?? false,
  ...(flags.baseName !== undefined && { baseName: flags.baseName }),
  ...(flags.experts && { experts: true }),
});
