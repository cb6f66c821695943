import type { Command } from 'commander';
import type { InitializeJob } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { describeOutput } from '../describe-output.js';
import { addInitOptions, initChoices, type InitFlags } from '../init-options.js';
import { addJobOptions, checkPairWindow, jobChoices, jsonOption, type JobFlags } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled, wholeNumber } from '../option-parsers.js';
import { summarizeInitialization } from '../render/summarize-initialization.js';
import { addResourceOptions, resourceChoices, type ResourceFlags } from '../resource-options.js';
import { watch } from '../watch.js';

interface CommandFlags extends InitFlags, JobFlags, ModelFlags, ResourceFlags {
  readonly output: string;
  readonly fresh?: boolean;
  readonly checkpointSeconds?: number;
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
  addResourceOptions(addInitOptions(addModelOptions(command)))
    .addOption(
      option(
        '--checkpoint-seconds <s>',
        'least seconds between two checkpoints inside a block, which is what a kill may lose (default: 30)',
        wholeNumber('--checkpoint-seconds', 0),
      ),
    )
    .option('--fresh', "start over: replace an earlier run's files in the output directory")
    .addOption(jsonOption())
    .action(async (model: string, flags: CommandFlags, command: Command) => {
      checkPairWindow(flags, command.getOptionValueSource('window') !== 'default');
      const job: InitializeJob = {
        ...jobChoices(flags),
        ...modelChoices(flags, context),
        ...resourceChoices(flags),
        ...initChoices(flags),
        model,
        output: flags.output,
        fresh: flags.fresh ?? false,
        ...(flags.checkpointSeconds !== undefined && { checkpointSeconds: flags.checkpointSeconds }),
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
