import { ExportError } from './export-error.js';

/**
 * Adds `quantization_config` to the text of a config.json as its last key. Everything else stays byte for byte, for
 * JavaScript would turn 10000.0 into 10000.
 *
 * @param value JSON text, indented by 2
 * @throws ExportError QL_ALREADY_QUANTIZED when the key is there
 */
export const insertQuantizationConfig = (configText: string, value: string): string => {
  const config = JSON.parse(configText) as Readonly<Record<string, unknown>>;
  if ('quantization_config' in config)
    throw new ExportError('QL_ALREADY_QUANTIZED', 'config.json has a quantization_config: the source must be a full-precision checkpoint.');
  const end = configText.lastIndexOf('}');
  const body = configText.slice(0, end).trimEnd();
  const separator = Object.keys(config).length ? ',' : '';
  return `${body}${separator}\n  "quantization_config": ${value.replaceAll('\n', '\n  ')}\n${configText.slice(end)}`;
};
