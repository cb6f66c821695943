/** Breaks a text between words into lines of so many columns; lines after the first are indented. A longer word keeps its line. */
export const wrapText = (text: string, columns: number, indent = '  '): string[] => {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : `${indent}${word}`);
  }
  return lines;
};
