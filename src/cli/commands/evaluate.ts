import { existsSync } from 'node:fs';
import type { Bits, EvaluateJob } from '../../stages/index.js';
import type { Device } from '../../runtime/index.js';
import type { AddCommand } from '../context.js';
import { bitsOption, checkWindows, deviceChoice, deviceOption, jsonOption, windowOption } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled, wholeNumber } from '../option-parsers.js';
import { summarizeEvaluation } from '../render/summarize-evaluation.js';
import { addTextOptions, planSource, TEXT_SOURCES, textShape, type TextFlags } from '../text-options.js';
import { watch } from '../watch.js';

interface EvaluateFlags extends ModelFlags, TextFlags {
  readonly text: string;
  readonly bits?: Bits;
  readonly adapter?: string;
  readonly window: number;
  readonly tokens?: number;
  readonly logprobs?: string;
  readonly device?: Device;
  readonly json?: boolean;
}

/** Adds `evaluate`: perplexity of a checkpoint, its quantization, or either with an adapter. */
export const addEvaluateCommand: AddCommand = (program, context, finish) => {
  const command = addTextOptions(
    program
      .command('evaluate')
      .description('perplexity of a checkpoint, of its quantization, or of either with an adapter')
      .argument('<model>', `${MODEL_ARGUMENT}; full precision, or a base that init wrote`)
      .addOption(option('--text <source>', `text: ${TEXT_SOURCES}`, filled('--text')).makeOptionMandatory()),
    '--text',
  )
    .addOption(bitsOption())
    .addOption(option('--adapter <dir>', 'PEFT adapter to apply', filled('--adapter')))
    .addOption(windowOption())
    .addOption(option('--tokens <n>', 'stop after the first n tokens (default: all of the text)', wholeNumber('--tokens', 2)))
    .addOption(option('--logprobs <file>', "Arrow IPC file for each predicted token's log-probability", filled('--logprobs')));
  addModelOptions(command, '. With --bits 8 and no adapter the model is passed twice, and then fetched twice')
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (model: string, flags: EvaluateFlags) => {
      const { text, bits, adapter, window, tokens, logprobs, json } = flags;
      const shape = textShape(flags);
      checkWindows(tokens, window);
      planSource(text, shape, 'evaluation');
      const job: EvaluateJob = {
        ...modelChoices(flags, context),
        ...deviceChoice(flags),
        model,
        text,
        ...(shape && { textShape: shape }),
        windowTokens: window,
        ...(bits !== undefined && { bits }),
        ...(adapter !== undefined && { adapter }),
        ...(tokens !== undefined && { tokens }),
        ...(logprobs !== undefined && { logprobs }),
      };
      finish(
        await watch(context, {
          json: json ?? false,
          start: (signal) => context.pipelines.evaluate({ ...job, signal }),
          summarize: summarizeEvaluation,
          onDisk: () =>
            Promise.resolve(
              logprobs !== undefined && existsSync(logprobs) ? `${logprobs} is from an earlier run.` : 'Nothing was written.',
            ),
        }),
      );
    });
};
