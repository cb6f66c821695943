import type { NoticeEvent } from './progress.js';

/** Tells how far earlier attempts at a run came. */
export const resumedNotice = (message: string): NoticeEvent => ({ type: 'notice', code: 'resumed', message });

/** Tells that a file of an earlier attempt can't be used. */
export const damagedNotice = (file: string): NoticeEvent => ({
  type: 'notice',
  code: 'damaged',
  message: `${file} is not what was written, or is gone; what was in it is done again.`,
});

/** Tells that attempts at a run had processors of several kinds, whose last bits differ. */
export const processorsNotice = (processors: readonly string[]): NoticeEvent => ({
  type: 'notice',
  code: 'processor',
  message:
    `This run was begun on another kind of processor (${processors.slice(0, -1).join('; ')}) than this one (${processors.at(-1) ?? ''}). What is ` +
    'finished is kept; the result will not be byte-identical to that of a run on one of them. --fresh starts over.',
});

/** Tells that an output holds the finished run that was asked for. */
export const finishedNotice = (output: string): NoticeEvent => ({
  type: 'notice',
  code: 'finished',
  message: `${output} holds this run already, finished; nothing was written. --fresh writes it again.`,
});
