/**
 * The part of @huggingface/tokenizers that the corpus uses. Its own declarations import each other without file
 * extensions, so that TypeScript's nodenext resolution takes them for `any`.
 */
declare module '@huggingface/tokenizers' {
  export class PreTokenizer {
    private readonly preTokenizer: true;
  }
  export class ByteLevelPreTokenizer extends PreTokenizer {
    pattern: RegExp;
  }
  export class SequencePreTokenizer extends PreTokenizer {
    readonly tokenizers: (PreTokenizer | null)[];
  }
  export class Tokenizer {
    constructor(definition: object, settings: object);
    readonly pre_tokenizer: PreTokenizer | null;
    /** Ids are undefined where the vocabulary has neither the token nor an unknown token. */
    encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: (number | undefined)[] };
    token_to_id(token: string): number | undefined;
    id_to_token(id: number): string | undefined;
    get_vocab(): Map<string, number>;
  }
}
