import { outputState } from '../journal/index.js';

/** Says what an interrupted run left in its output directory, and what to do with it. */
export const describeOutput = async (directory: string): Promise<string> => {
  const { kind } = await outputState(directory);
  if (kind === 'finished') return `${directory} holds a finished run.`;
  if (kind !== 'unfinished') return `Nothing was written to ${directory}.`;
  return `${directory} keeps what is done: the same command goes on from there, --fresh starts over.`;
};
