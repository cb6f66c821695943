export { gramGraph } from './gram-graph.js';
export { gramPanels, type GramPanel } from './gram-panels.js';
export { GraphBuilder, type Attribute, type Dimension, type ExternalBytes, type Value } from './graph-builder.js';
