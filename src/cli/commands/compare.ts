import type { CompareJob } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { addJobOptions, jobChoices, jsonOption, type JobFlags } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled } from '../option-parsers.js';
import { summarizeComparison } from '../render/summarize-comparison.js';
import { saveResult } from '../save-result.js';
import { addTextOptions, checkStdin, planSource, TEXT_SOURCES, textShape, unprefixed, type PrefixedTextFlags } from '../text-options.js';
import { UsageError } from '../usage-error.js';
import { watch } from '../watch.js';

interface CompareFlags extends JobFlags, ModelFlags, PrefixedTextFlags {
  readonly text: string;
  readonly output?: string;
  readonly fresh?: boolean;
  readonly json?: boolean;
}

/** Adds `compare`: every initializer on the statistics of one calibration. */
export const addCompareCommand: AddCommand = (program, context, finish) => {
  const command = addTextOptions(
    addJobOptions(
      program
        .command('compare')
        .description('try every initializer on one calibration, and compare their perplexities')
        .argument('<model>', MODEL_ARGUMENT)
        .addOption(option('--text <source>', `text whose perplexity is compared: ${TEXT_SOURCES}`, filled('--text')).makeOptionMandatory()),
    ),
    '--text',
    'text-',
  );
  addModelOptions(command, '. compare passes over the model seven times, and then fetches it seven times')
    .addOption(option('--output <dir>', 'directory to write the result to, as report.json (default: none)', filled('--output')))
    .option('--fresh', "start over: replace an earlier run's files in the output directory")
    .addOption(jsonOption())
    .action(async (model: string, flags: CompareFlags) => {
      const shape = textShape(unprefixed(flags));
      checkStdin(flags.calibration, flags.text);
      planSource(flags.text, shape, 'evaluation', 'text-');
      const { budget, ...choices } = jobChoices(flags);
      if (budget.kind === 'auto')
        throw new UsageError(
          '--tokens auto chooses for one initializer, and compare tries all of them on the same tokens. Give a number of tokens: the one that `quailora init --tokens auto` chose, say.',
        );
      const job: CompareJob = {
        ...{ ...choices, budget },
        ...modelChoices(flags, context),
        model,
        text: flags.text,
        ...(shape && { textShape: shape }),
      };
      const { output, fresh = false } = flags;
      finish(
        await watch(context, {
          json: flags.json ?? false,
          start: (signal) => {
            const start = (): ReturnType<typeof context.pipelines.compare> => context.pipelines.compare({ ...job, signal });
            return output === undefined ? start() : saveResult(output, fresh, start);
          },
          summarize: summarizeComparison,
        }),
      );
    });
};
