import { withMember } from '../foundation/index.js';
import { ExportError } from './export-error.js';

/**
 * Adds `quantization_config` to the text of a config.json as its last key; everything else stays byte for byte.
 *
 * @param value JSON text, indented by 2
 * @throws ExportError QL_ALREADY_QUANTIZED when the key is there
 */
export const insertQuantizationConfig = (configText: string, value: string): string => {
  const config = JSON.parse(configText) as Readonly<Record<string, unknown>>;
  if ('quantization_config' in config)
    throw new ExportError('QL_ALREADY_QUANTIZED', 'config.json has a quantization_config: the source must be a full-precision checkpoint.');
  return withMember(configText, 'quantization_config', value);
};
