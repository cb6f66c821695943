import { Option, type Command } from 'commander';
import { readHubSettings } from '../hub/index.js';
import type { ModelChoice } from '../stages/index.js';
import type { CliContext } from './context.js';
import { option } from './option.js';
import { filled } from './option-parsers.js';
import { UsageError } from './usage-error.js';

/** What MODEL may be, for the help. */
export const MODEL_ARGUMENT = 'Hugging Face checkpoint directory, or id on the Hub (organization/name)';

/** What commander collects for the options of `addShardOptions`. */
export interface ShardFlags {
  readonly prefetch?: boolean;
  readonly discardShards?: boolean;
}

/** What commander collects for the options of `addModelOptions`. */
export interface ModelFlags extends ShardFlags {
  readonly revision?: string;
}

/**
 * Adds the options that say when the shards of a Hub model come and go.
 *
 * @param passes what the help says of the passes over the model
 */
export const addShardOptions = (command: Command, passes = ''): Command =>
  command
    .addOption(new Option('--prefetch', 'fetch every shard of a Hub model before the work begins (default: one block ahead)'))
    .addOption(
      new Option(
        '--discard-shards',
        `remove each shard of a Hub model from the cache when it is needed no longer; one that the cache held before this run stays${passes}`,
      ),
    );

/** Adds the options about MODEL that `init`, `compare` and `evaluate` share. */
export const addModelOptions = (command: Command, passes?: string): Command =>
  addShardOptions(
    command.addOption(option('--revision <rev>', 'branch, tag or commit of a Hub model (default: main)', filled('--revision'))),
    passes,
  );

/**
 * Turns the flags about a model into the part of a job that they say; where the Hub is, is read when it is needed.
 *
 * @throws UsageError QL_USAGE for flags that exclude each other
 */
export const modelChoices = (
  { revision, prefetch, discardShards }: ModelFlags,
  { environment }: CliContext,
): Omit<ModelChoice, 'model'> => {
  if (prefetch && discardShards)
    throw new UsageError('--prefetch and --discard-shards exclude each other: one puts the whole model on the disk, the other never does.');
  return {
    ...(revision !== undefined && { revision }),
    ...(prefetch && { prefetch }),
    ...(discardShards && { discardShards }),
    hub: () => readHubSettings(environment),
  };
};
