import type { DType } from '../foundation/index.js';
import { encodeModel } from './onnx-schema.js';

/** Name of a value that flows through a graph. */
export type Value = string;

/** A dimension: its size, or the name of one that is known only when the graph runs. */
export type Dimension = number | string;

/** Attribute of a node: integers and floats must be told apart, because ONNX does. */
export type Attribute =
  { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] } | { readonly text: string };

/** Bytes of an initializer that stay where they are, in a file. */
export interface ExternalBytes {
  /** File name inside the folder that the session is given. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

const ELEMENT_TYPES: Readonly<Record<DType, number>> = {
  F32: 1,
  U8: 2,
  I8: 3,
  I16: 5,
  I32: 6,
  I64: 7,
  BOOL: 9,
  F16: 10,
  F64: 11,
  BF16: 16,
};

const encodeAttribute = (name: string, attribute: Attribute): Record<string, unknown> => {
  if ('int' in attribute) return { name, i: attribute.int, type: 2 };
  if ('float' in attribute) return { name, f: attribute.float, type: 1 };
  if ('ints' in attribute) return { name, ints: attribute.ints, type: 7 };
  return { name, s: new TextEncoder().encode(attribute.text), type: 3 };
};

/**
 * Builds one ONNX graph (opset 23 and `com.microsoft` 1), node by node.
 *
 * Nothing is checked here: ONNX Runtime checks types and shapes when it loads the bytes.
 */
export class GraphBuilder {
  private readonly nodes: Record<string, unknown>[] = [];
  private readonly initializers: Record<string, unknown>[] = [];
  private readonly inputs: Record<string, unknown>[] = [];
  private readonly outputs: Record<string, unknown>[] = [];
  private counter = 0;

  /** Begins a graph. @param name for ONNX Runtime's messages */
  constructor(private readonly name: string) {}

  /** Declares an input of the graph. */
  input(name: string, dtype: DType, shape: readonly Dimension[]): Value {
    this.inputs.push(this.valueInfo(name, dtype, shape));
    return name;
  }

  /** Makes a value an output of the graph, under its own name or another. */
  output(value: Value, dtype: DType, shape: readonly Dimension[], name = value): void {
    if (name !== value) this.nodes.push({ opType: 'Identity', input: [value], output: [name] });
    this.outputs.push(this.valueInfo(name, dtype, shape));
  }

  /** Embeds a small float32 constant. */
  floats(values: Float32Array | readonly number[], shape: readonly number[]): Value {
    const data = values instanceof Float32Array ? values : Float32Array.from(values);
    return this.embedded('F32', shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  /** Embeds a small int64 constant. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.embedded('I64', shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  /** Embeds a constant given as little-endian bytes. */
  embedded(dtype: DType, shape: readonly number[], bytes: Uint8Array): Value {
    const name = this.fresh('constant');
    this.initializers.push({ name, dims: shape, dataType: ELEMENT_TYPES[dtype], rawData: bytes });
    return name;
  }

  /** Refers to a constant whose bytes stay in a file. */
  external(name: string, dtype: DType, shape: readonly number[], bytes: ExternalBytes): Value {
    const entries = { location: bytes.file, offset: String(bytes.offset), length: String(bytes.length) };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    this.initializers.push({ name, dims: shape, dataType: ELEMENT_TYPES[dtype], externalData, dataLocation: 1 });
    return name;
  }

  /** Adds a node with one output and returns that output's name. */
  node(operator: string, inputs: readonly (Value | undefined)[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ''): Value {
    return this.nodeWithOutputs(operator, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a node with several outputs. */
  nodeWithOutputs(
    operator: string,
    inputs: readonly (Value | undefined)[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): Value[] {
    const names = Array.from({ length: outputs }, () => this.fresh(operator));
    this.nodes.push({
      opType: operator,
      domain,
      name: names[0],
      input: inputs.map((value) => value ?? ''),
      output: names,
      attribute: Object.entries(attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
    });
    return names;
  }

  /** Serializes the graph as an ONNX model. */
  serialize(): Uint8Array {
    return encodeModel({
      irVersion: 10,
      producerName: 'quailora',
      opsetImport: [
        { domain: '', version: 23 },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: { name: this.name, node: this.nodes, initializer: this.initializers, input: this.inputs, output: this.outputs },
    });
  }

  private fresh(prefix: string): Value {
    return `${prefix}_${this.counter++}`;
  }

  private valueInfo(name: string, dtype: DType, shape: readonly Dimension[]): Record<string, unknown> {
    const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
    return { name, type: { tensorType: { elemType: ELEMENT_TYPES[dtype], shape: { dim } } } };
  }
}
