/** Bytes in the largest binary unit that leaves at least 1, for instance `402 MiB`. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  const value = bytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power] ?? ''}`;
};

/** Seconds as `m:ss`, or `h:mm:ss` from an hour on. */
export const formatClock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  const tail = `${String(Math.floor(whole / 60) % 60).padStart(whole < 3600 ? 1 : 2, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return whole < 3600 ? tail : `${Math.floor(whole / 3600)}:${tail}`;
};

/** Seconds to two digits, for tables. */
export const formatSeconds = (seconds: number): string => (seconds < 10 ? `${seconds.toFixed(2)} s` : `${seconds.toFixed(0)} s`);

/** A fraction as per cent with one digit; a dash where there is none. */
export const formatPercent = (fraction: number | null | undefined): string =>
  fraction === null || fraction === undefined ? '-' : `${(100 * fraction).toFixed(1)} %`;

/** Whole numbers with commas between thousands. */
export const formatCount = (count: number): string => Math.round(count).toLocaleString('en-US');
