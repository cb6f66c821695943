/**
 * The part of @huggingface/tokenizers that the corpus uses. Its own declarations import each other without file
 * extensions, so that TypeScript's nodenext resolution takes them for `any`.
 */
declare module '@huggingface/tokenizers' {
  export class SplitPreTokenizer {
    constructor(definition: object);
    readonly pattern: RegExp | null;
  }
}
