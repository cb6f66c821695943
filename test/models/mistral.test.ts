import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';

modelFamilySuite(t, 'mistral', [
  { name: 'mistral-sliding', spelledAs4x: true, mutations: [{ label: 'a missing window', config: { sliding_window: null } }] },
  { name: 'mistral-full', spelledAs4x: true, mutations: [{ label: 'a window', config: { sliding_window: 9 } }] },
]);
