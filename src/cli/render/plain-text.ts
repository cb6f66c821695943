/** Control characters but the newline: C0, delete, and C1. */
const CONTROL = /[^\P{Cc}\n]/gu;

/** Shows control characters, which a name in a checkpoint may hold, as `\xNN`; newlines are kept. */
export const plainText = (text: string): string =>
  text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
