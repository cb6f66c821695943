import type { CompareJob } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { addJobOptions, jobChoices, jsonOption, option, type JobFlags } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { filled } from '../option-parsers.js';
import { summarizeComparison } from '../render/summarize-comparison.js';
import { saveResult } from '../save-result.js';
import { watch } from '../watch.js';

interface CompareFlags extends JobFlags, ModelFlags {
  readonly text: string;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** Adds `compare`: every initializer on the statistics of one calibration. */
export const addCompareCommand: AddCommand = (program, context, finish) => {
  const command = addJobOptions(
    program
      .command('compare')
      .description('try every initializer on one calibration, and compare their perplexities')
      .argument('<model>', MODEL_ARGUMENT)
      .addOption(option('--text <source>', 'text whose perplexity is compared', filled('--text')).makeOptionMandatory()),
  );
  addModelOptions(command, '. compare passes over the model seven times, and then fetches it seven times')
    .addOption(option('--output <dir>', 'directory to write the result to, as report.json (default: none)', filled('--output')))
    .option('--overwrite', "replace an earlier run's files in the output directory")
    .addOption(jsonOption())
    .action(async (model: string, flags: CompareFlags) => {
      const job: CompareJob = { ...jobChoices(flags), ...modelChoices(flags, context), model, text: flags.text };
      const { output, overwrite = false } = flags;
      finish(
        await watch(context, {
          json: flags.json ?? false,
          start: (signal) => {
            const start = (): ReturnType<typeof context.pipelines.compare> => context.pipelines.compare({ ...job, signal });
            return output === undefined ? start() : saveResult(output, overwrite, start);
          },
          summarize: summarizeComparison,
        }),
      );
    });
};
