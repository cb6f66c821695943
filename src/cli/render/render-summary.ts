import Table from 'cli-table3';
import { plainText } from './plain-text.js';
import type { Summary } from './renderer.js';

const ASCII = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
} as const;

/** Lays out a summary as text that ends with a newline, without colours. */
export const renderSummary = ({ title, head, rows, notes }: Summary, style: 'box' | 'ascii'): string => {
  const table = new Table({
    head: head.map(plainText),
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    ...(style === 'ascii' && { chars: ASCII }),
  });
  table.push(...rows.map((row) => row.map(plainText)));
  return `\n${plainText(title)}\n${table.toString()}\n${notes.map((note) => `${plainText(note)}\n`).join('')}`;
};
