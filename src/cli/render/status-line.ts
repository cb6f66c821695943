import type { StageEvent, StartEvent } from '../../reports/index.js';
import { formatBytes, formatClock, formatCount } from './format-quantity.js';
import { plainText } from './plain-text.js';
import type { ProgressReading } from './progress-meter.js';

/** What is run on what, in one line. */
export const startLine = ({ command, model, blocks, calibrationTokens, heldOutTokens }: StartEvent): string => {
  const tokens = calibrationTokens > 0 ? `, ${formatCount(calibrationTokens)} calibration tokens` : '';
  const heldOut = heldOutTokens > 0 ? `, ${formatCount(heldOutTokens)} held out` : '';
  return `${command} ${plainText(model)}: ${blocks} blocks${tokens}${heldOut}`;
};

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
