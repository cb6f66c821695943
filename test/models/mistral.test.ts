import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';

modelFamilySuite(t, 'mistral', [
  {
    name: 'mistral-sliding',
    spelledAs4x: true,
    mutations: [
      { label: 'a missing window', config: { sliding_window: null } },
      { label: 'a wider window', config: { sliding_window: 10 } },
      { label: 'a narrower window', config: { sliding_window: 8 } },
    ],
  },
  { name: 'mistral-full', spelledAs4x: true, mutations: [{ label: 'a window', config: { sliding_window: 9 } }] },
]);
