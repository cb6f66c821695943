import { createHash } from 'node:crypto';

/** A short name of a text; two texts with the same one are the same (SHA-256). */
export const textFingerprint = (text: string): string => createHash('sha256').update(text).digest('base64');
