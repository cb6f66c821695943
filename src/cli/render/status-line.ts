import type { StageEvent, StartEvent } from '../../reports/index.js';
import { formatBytes, formatClock, formatCount, formatPercent } from './format-quantity.js';
import { plainText } from './plain-text.js';
import type { ProgressReading } from './progress-meter.js';

/** What is run on what, in one line. */
export const startLine = ({ command, model, blocks, calibrationTokens, heldOutTokens }: StartEvent): string => {
  const tokens = calibrationTokens > 0 ? `, ${formatCount(calibrationTokens)} calibration tokens` : '';
  const heldOut = heldOutTokens > 0 ? `, ${formatCount(heldOutTokens)} held out` : '';
  return `${command} ${plainText(model)}: ${blocks} blocks${tokens}${heldOut}`;
};

/** How far the transfer of a file is, in one line; undefined for another stage. */
export const transferLine = ({ file, bytes, totalBytes, seconds, stage }: StageEvent): string | undefined => {
  if (file === undefined || bytes === undefined || totalBytes === undefined) return undefined;
  const part = formatPercent(totalBytes > 0 ? bytes / totalBytes : 1);
  return `${formatClock(seconds).padStart(5)}  ${stage} ${plainText(file)}  ${formatBytes(bytes)} of ${formatBytes(totalBytes)} (${part})`;
};

/** That the transfer of a file begins or goes on where an earlier one broke, in one line. */
export const beginLine = ({ file = '', bytes = 0, totalBytes = 0, seconds, stage }: StageEvent): string =>
  `${formatClock(seconds).padStart(5)}  ${stage} ${plainText(file)}  ${formatBytes(totalBytes)}${bytes > 0 ? `, ${formatBytes(bytes)} are there` : ''}`;

/** Where a run is, in one line. */
export const statusLine = (event: StageEvent, reading: ProgressReading): string =>
  [
    formatClock(event.seconds).padStart(5),
    event.block === undefined ? undefined : `block ${event.block + 1}${event.blocks ? `/${event.blocks}` : ''}`,
    plainText(event.module === undefined ? event.stage : `${event.stage} ${event.module}`),
    reading.tokensPerSecond === undefined ? undefined : `${formatCount(reading.tokensPerSecond)} tokens/s`,
    `${formatBytes(reading.residentBytes)} resident`,
    reading.secondsLeft === undefined ? undefined : `${formatClock(reading.secondsLeft)} left`,
  ]
    .filter((part) => part !== undefined)
    .join('  ');
