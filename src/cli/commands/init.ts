import { Option, type Command } from 'commander';
import { KEPT_SUMS, type InitializeJob, type InitializerName, type KeptSums } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { describeOutput } from '../describe-output.js';
import { addJobOptions, checkPairWindow, initializerOption, jobChoices, jsonOption, type JobFlags } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled, oneOf } from '../option-parsers.js';
import { summarizeInitialization } from '../render/summarize-initialization.js';
import { watch } from '../watch.js';

interface InitFlags extends JobFlags, ModelFlags {
  readonly output: string;
  readonly initializer: InitializerName;
  readonly writeBase?: boolean;
  readonly baseName?: string;
  readonly experts?: boolean;
  readonly keepStatistics?: KeptSums;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** Adds `init`: a checkpoint and a text in, an adapter (and on request its base) out. */
export const addInitCommand: AddCommand = (program, context, finish) => {
  const command = addJobOptions(
    program
      .command('init')
      .description('write a calibrated LoRA adapter, and on request the quantized base it belongs to')
      .argument('<model>', MODEL_ARGUMENT)
      .addOption(option('--output <dir>', 'directory to write to', filled('--output')).makeOptionMandatory()),
  );
  addModelOptions(command)
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
    )
    .option('--overwrite', "replace an earlier run's files in the output directory")
    .addOption(jsonOption())
    .action(async (model: string, flags: InitFlags, command: Command) => {
      checkPairWindow(flags, command.getOptionValueSource('window') !== 'default');
      const job: InitializeJob = {
        ...jobChoices(flags),
        ...modelChoices(flags, context),
        model,
        output: flags.output,
        initializer: flags.initializer,
        writeBase: flags.writeBase ?? false,
        ...(flags.baseName !== undefined && { baseName: flags.baseName }),
        ...(flags.experts && { experts: true }),
        ...(flags.keepStatistics && { keepStatistics: flags.keepStatistics }),
        overwrite: flags.overwrite ?? false,
      };
      finish(
        await watch(context, {
          json: flags.json ?? false,
          start: (signal) => context.pipelines.initialize({ ...job, signal }),
          summarize: (report) => summarizeInitialization(report, job.output, job.writeBase, job.keepStatistics !== undefined),
          onDisk: () => describeOutput(job.output),
        }),
      );
    });
};
