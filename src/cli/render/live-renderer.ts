import { createLogUpdate } from 'log-update';
import type { Output } from '../context.js';
import { plainText } from './plain-text.js';
import { createProgressMeter } from './progress-meter.js';
import { renderSummary } from './render-summary.js';
import type { Renderer, Summary } from './renderer.js';
import { startLine, statusLine, transferLine } from './status-line.js';

/** Redrawing more often than this costs time and shows nothing more. */
const REDRAW_SECONDS = 0.1;

/** Shows a status line that is redrawn in place, below it a transfer that goes on meanwhile, then the closing table. */
export const createLiveRenderer = <Result>(stdout: Output, summarize: (result: Result) => Summary): Renderer<Result> => {
  const read = createProgressMeter(() => process.memoryUsage.rss());
  const update = createLogUpdate(stdout);
  let drawnAt = -Infinity;
  let stage = '';
  let status: string | undefined;
  let transfer: string | undefined;
  let open = true;
  const close = (): void => {
    if (open) update.done();
    open = false;
  };
  return {
    show: (event) => {
      const reading = read(event);
      if (event.type === 'start') stdout.write(`${startLine(event)}\n`);
      else if (event.type === 'notice') {
        update.clear();
        stdout.write(`${plainText(event.message)}\n`);
      } else if (event.type === 'stage') {
        const line = transferLine(event);
        const changed = line === undefined ? event.stage !== stage : event.bytes === event.totalBytes;
        if (line !== undefined) transfer = changed ? undefined : line;
        if (!changed && event.seconds - drawnAt < REDRAW_SECONDS) return;
        if (line === undefined) {
          stage = event.stage;
          status = statusLine(event, reading);
        }
        drawnAt = event.seconds;
        update([status, transfer].filter((shown) => shown !== undefined).join('\n'));
      } else if (event.type === 'result') {
        update.clear();
        close();
        stdout.write(renderSummary(summarize(event.result), 'box'));
      }
    },
    close,
  };
};
