import type { NoticeEvent } from './progress.js';

/** Tells how far earlier attempts at a run came. */
export const resumedNotice = (message: string): NoticeEvent => ({ type: 'notice', code: 'resumed', message });

/** Tells that a file of an earlier attempt can't be used. */
export const damagedNotice = (file: string): NoticeEvent => ({
  type: 'notice',
  code: 'damaged',
  message: `${file} is not what was written, or is gone; what was in it is done again.`,
});

/** Tells that an output holds the finished run that was asked for. */
export const finishedNotice = (output: string): NoticeEvent => ({
  type: 'notice',
  code: 'finished',
  message: `${output} holds this run already, finished; nothing was written. --fresh writes it again.`,
});
