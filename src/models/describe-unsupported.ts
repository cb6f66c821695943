type Config = Readonly<Record<string, unknown>>;

/** Classes of transformers that see the text on both sides of a token. */
const ENCODER_CLASS = /For(MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice)$/;

const classesOf = ({ architectures }: Config): readonly string[] =>
  Array.isArray(architectures) ? architectures.filter((name) => typeof name === 'string') : [];

const kindOf = (config: Config): string | undefined => {
  const classes = classesOf(config);
  if (config['is_encoder_decoder'] === true) return 'an encoder-decoder model';
  if (classes.some((name) => ENCODER_CLASS.test(name))) return 'an encoder: it fills gaps or classifies, and predicts no next token';
  if ('vision_config' in config || 'audio_config' in config) return 'a model for more than text, whose text part is of no supported family';
  return undefined;
};

/**
 * Says what a config.json of no supported family describes, and what to give instead.
 *
 * @param supported every supported `model_type`
 */
export const describeUnsupported = (config: Config, supported: readonly string[]): string => {
  const { model_type: modelType, text_config: text } = config;
  const classes = classesOf(config);
  const said = modelType === undefined ? 'nothing' : JSON.stringify(modelType);
  const inner = typeof text === 'object' && text !== null && 'model_type' in text ? `, text_config ${JSON.stringify(text.model_type)}` : '';
  const kind = kindOf(config);
  const what = `config.json says model_type ${said}${inner}${classes.length > 0 ? ` (${classes.join(', ')})` : ''}${kind ? `, ${kind}` : ''}`;
  return `${what}. Give a causal language model of one of these families: ${supported.join(', ')}.`;
};
