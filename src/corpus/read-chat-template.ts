import { isJson, readJsonObject, readText, type Json } from './read-json-object.js';

/** The template of a `chat_template` value: the text itself, or "default" of a list of named ones. */
const templateOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named: Json | undefined = value.filter(isJson).find(({ name }) => name === 'default');
  return typeof named?.template === 'string' ? named.template : undefined;
};

/**
 * Reads a checkpoint's chat template: chat_template.jinja before tokenizer_config.json's chat_template, as transformers
 * does, and last chat_template.json, where older processors kept it.
 *
 * @param settings tokenizer_config.json
 * @returns Jinja source, undefined where the checkpoint has none
 * @throws TokenizerError QL_TOKENIZER_JSON where a file can't be read or chat_template.json is no JSON object; retrying does not help
 */
export const readChatTemplate = async (directory: string, names: readonly string[], settings: Json): Promise<string | undefined> => {
  if (names.includes('chat_template.jinja')) return readText(directory, 'chat_template.jinja');
  return templateOf(settings.chat_template) ?? templateOf((await readJsonObject(directory, 'chat_template.json', names)).chat_template);
};
