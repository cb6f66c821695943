import type { Command } from 'commander';
import type { PlanJob } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { addInitOptions, initChoices, type InitFlags } from '../init-options.js';
import { addJobOptions, checkPairWindow, jsonOption, openTextChoices, type OpenTextFlags } from '../job-options.js';
import { addModelOptions, MODEL_ARGUMENT, modelChoices, type ModelFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled } from '../option-parsers.js';
import { summarizePlan } from '../render/summarize-plan.js';
import { addResourceOptions, resourceChoices, type ResourceFlags } from '../resource-options.js';
import { watch } from '../watch.js';

interface PlanFlags extends InitFlags, OpenTextFlags, ModelFlags, ResourceFlags {
  readonly output?: string;
  readonly json?: boolean;
}

/** Adds `plan`: what `init` with the same options needs of memory, disk and time; nothing is computed or written. */
export const addPlanCommand: AddCommand = (program, context, finish) => {
  const command = addJobOptions(
    program
      .command('plan')
      .description('say what init with these options needs: memory by stage, disk, operations, hours; reads headers only')
      .argument('<model>', MODEL_ARGUMENT)
      .addOption(option('--output <dir>', 'directory that init would write to (default: the working directory)', filled('--output'))),
    'optional',
  );
  addResourceOptions(addInitOptions(addModelOptions(command)))
    .addOption(jsonOption())
    .action(async (model: string, flags: PlanFlags, command: Command) => {
      const { calibration } = flags;
      if (calibration !== undefined) checkPairWindow({ ...flags, calibration }, command.getOptionValueSource('window') !== 'default');
      const job: PlanJob = {
        ...openTextChoices(flags),
        ...modelChoices(flags, context),
        ...resourceChoices(flags),
        ...initChoices(flags),
        model,
        ...(flags.output !== undefined && { output: flags.output }),
      };
      finish(
        await watch(context, {
          json: flags.json ?? false,
          start: (signal) => context.pipelines.plan({ ...job, signal }),
          summarize: summarizePlan,
          passed: ({ fits }) => fits,
        }),
      );
    });
};
