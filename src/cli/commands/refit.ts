import { Option } from 'commander';
import type { Device } from '../../runtime/index.js';
import { INITIALIZER_NAMES, type Bits, type InitializerName, type RefitJob } from '../../stages/index.js';
import type { AddCommand } from '../context.js';
import { bitsOption, deviceChoice, deviceOption, jsonOption } from '../job-options.js';
import { addShardOptions, modelChoices, type ShardFlags } from '../model-options.js';
import { option } from '../option.js';
import { memoryOption, resourceChoices } from '../resource-options.js';
import { filled, moduleNames, oneOf, positiveNumber, wholeNumber } from '../option-parsers.js';
import { describeOutput } from '../describe-output.js';
import { summarizeInitialization } from '../render/summarize-initialization.js';
import { watch } from '../watch.js';

/** What commander collects; what was not typed is undefined, and stays as the run had it that kept the statistics. */
interface RefitFlags extends ShardFlags {
  readonly output: string;
  readonly model?: string;
  readonly bits?: Bits;
  readonly rank?: number;
  readonly alpha?: number;
  readonly rslora?: boolean;
  readonly initializer?: InitializerName;
  readonly alsSteps?: number;
  readonly loftqSteps?: number;
  readonly balance?: boolean;
  readonly modules?: 'all-linear' | readonly string[];
  readonly experts?: boolean;
  readonly seed?: number;
  readonly workers?: number;
  readonly maxMemory?: number;
  readonly device?: Device;
  readonly baseName?: string;
  readonly writeBase?: boolean;
  readonly fresh?: boolean;
  readonly json?: boolean;
}

/** Adds `refit`: another correction from kept statistics, without the calibration text. */
export const addRefitCommand: AddCommand = (program, context, finish) => {
  const command = program
    .command('refit')
    .description('correct again from the statistics that init kept: another rank, alpha, initializer, bit width or set of modules')
    .argument('<dir>', 'output directory of init --keep-statistics; options left out are those of its run')
    .addOption(option('--output <dir>', 'directory to write to', filled('--output')).makeOptionMandatory())
    .addOption(
      option(
        '--model <model>',
        'the checkpoint that was calibrated, directory or Hub id (default: as init was given it)',
        filled('--model'),
      ),
    )
    .addOption(bitsOption())
    .addOption(option('--rank <r>', 'rank of every correction', wholeNumber('--rank', 1, 1 << 16)))
    .addOption(option('--alpha <a>', 'lora_alpha; the factors are divided by the scaling it gives', positiveNumber('--alpha')))
    .addOption(new Option('--rslora', 'scale by alpha / sqrt(rank) in place of alpha / rank'))
    .addOption(new Option('--no-rslora', 'scale by alpha / rank'))
    .addOption(
      option(`--initializer <${INITIALIZER_NAMES.join('|')}>`, 'how the factors are chosen', oneOf('--initializer', INITIALIZER_NAMES)),
    )
    .addOption(option('--als-steps <n>', "alternations of the paper's ALS", wholeNumber('--als-steps', 1, 10_000)))
    .addOption(option('--loftq-steps <n>', 'alternations of LoftQ', wholeNumber('--loftq-steps', 1, 10_000)))
    .addOption(new Option('--balance', 'give both factors equal norms'))
    .addOption(new Option('--no-balance', 'leave the factors as the initializer scales them'))
    .addOption(option('--modules <names>', 'all-linear, or names like q_proj,v_proj', moduleNames('--modules')))
    .addOption(new Option('--experts', 'correct each routed expert too'))
    .addOption(new Option('--no-experts', 'leave routed experts as they are'))
    .addOption(option('--seed <n>', "seed of the zero initializer's random factor", wholeNumber('--seed', 0, 2 ** 32 - 1)))
    .addOption(option('--workers <n>', 'worker threads (default: as many as the plan says fit)', wholeNumber('--workers', 1, 1024)))
    .addOption(memoryOption())
    .addOption(deviceOption())
    .addOption(option('--base-name <name>', 'base_model_name_or_path of the adapter', filled('--base-name')))
    .option('--write-base', 'also write the quantized checkpoint; with the same bits it is the one of init')
    .option('--fresh', "start over: replace an earlier run's files in the output directory");
  addShardOptions(command)
    .addOption(jsonOption())
    .action(async (directory: string, flags: RefitFlags) => {
      const { json = false, writeBase = false, fresh = false, maxMemory, ...typed } = flags;
      const resources = resourceChoices(maxMemory === undefined ? {} : { maxMemory });
      const job: RefitJob = {
        ...typed,
        ...resources,
        ...deviceChoice(flags),
        ...modelChoices(flags, context),
        directory,
        writeBase,
        fresh,
      };
      finish(
        await watch(context, {
          json,
          start: (signal) => context.pipelines.refit({ ...job, signal }),
          summarize: (report) => summarizeInitialization(report, job.output, job.writeBase),
          onDisk: () => describeOutput(job.output),
        }),
      );
    });
};
