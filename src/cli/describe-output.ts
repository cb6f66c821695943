import { outputState } from '../journal/index.js';

/** Says what an interrupted run left in its output directory, and what to do with it. */
export const describeOutput = async (directory: string): Promise<string> => {
  const { kind, files } = await outputState(directory);
  if (kind === 'finished') return `${directory} holds a finished run.`;
  if (files.length === 0) return `Nothing was written to ${directory}.`;
  return `${directory} is unfinished and holds: ${files.join(', ')}. Run again with --overwrite to replace it.`;
};
