import { readFileSync } from 'node:fs';
import { checkConfig } from '../../../pipelines/reproduce/read-config.js';
import type { ScaleConfig } from '../../../pipelines/reproduce/config.js';

/** The shipped settings of the scale micro, as text. */
export const microText = (): string => readFileSync('pipelines/reproduce/micro.json', 'utf8');

/** The shipped settings of the scale micro. */
export const microConfig = (): ScaleConfig => checkConfig(JSON.parse(microText()), 'micro.json');
