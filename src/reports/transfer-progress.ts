import type { HubTransfer } from '../hub/index.js';
import type { StageEvent } from './progress.js';

/**
 * Turns the transfers of files into progress events of the stage `download`: one a per cent of a file, the last one at
 * its end.
 *
 * @param clock tells the seconds since the run began
 */
export const transferProgress = (
  clock: { readonly seconds: number },
  tell: (event: StageEvent) => void,
): ((transfer: HubTransfer) => void) => {
  const told = new Map<string, number>();
  return ({ file, bytes, totalBytes }) => {
    const percent = totalBytes > 0 ? Math.floor((100 * bytes) / totalBytes) : 100;
    if (told.get(file) === percent) return;
    told.set(file, percent);
    tell({ type: 'stage', stage: 'download', file, bytes, totalBytes, seconds: clock.seconds });
  };
};
