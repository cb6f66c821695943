import type { VerifyJob } from '../../stages/index.js';
import type { Device } from '../../runtime/index.js';
import type { AddCommand } from '../context.js';
import { deviceChoice, deviceOption, jsonOption } from '../job-options.js';
import { addShardOptions, modelChoices, type ShardFlags } from '../model-options.js';
import { option } from '../option.js';
import { filled } from '../option-parsers.js';
import { summarizeVerification } from '../render/summarize-verification.js';
import { watch } from '../watch.js';

interface VerifyFlags extends ShardFlags {
  readonly model?: string;
  readonly calibration?: string;
  readonly device?: Device;
  readonly json?: boolean;
}

/** Adds `verify`: does what lies on disk keep what report.json claims? */
export const addVerifyCommand: AddCommand = (program, context, finish) => {
  const command = program
    .command('verify')
    .description('check the bytes that init wrote; fails with exit code 1 and says which module is wrong')
    .argument('<dir>', 'output directory of init')
    .addOption(
      option('--model <model>', 'full-precision checkpoint, directory or Hub id (default: what report.json names)', filled('--model')),
    )
    .addOption(
      option(
        '--calibration <source>',
        'the text that init was given, to weight the losses with; read as report.json says',
        filled('--calibration'),
      ),
    );
  addShardOptions(command)
    .addOption(deviceOption())
    .addOption(jsonOption())
    .action(async (directory: string, flags: VerifyFlags) => {
      const { model, calibration, json } = flags;
      const job: VerifyJob = {
        ...modelChoices(flags, context),
        ...deviceChoice(flags),
        directory,
        ...(model !== undefined && { model }),
        ...(calibration !== undefined && { calibration }),
      };
      finish(
        await watch(context, {
          json: json ?? false,
          start: (signal) => context.pipelines.verify({ ...job, signal }),
          summarize: summarizeVerification,
          passed: (report) => report.passed,
        }),
      );
    });
};
