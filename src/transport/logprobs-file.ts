import { Field, Float32, makeData, RecordBatch, RecordBatchFileWriter, Schema, Struct } from 'apache-arrow';
import { writeFileAtomically } from '../foundation/index.js';

/**
 * Writes log-probabilities as an Arrow IPC file with one float32 column `logprob`.
 *
 * @param chunks natural log-probabilities in the order of the text, one record batch each
 * @throws FileWriteError
 */
export const writeLogprobs = async (path: string, chunks: readonly Float32Array[]): Promise<void> => {
  const schema = new Schema([new Field('logprob', new Float32(), false)], new Map([['quailora', 'logprobs']]));
  const writer = new RecordBatchFileWriter();
  for (const data of chunks) {
    const column = makeData({ type: new Float32(), length: data.length, nullCount: 0, data });
    const type = new Struct(schema.fields);
    writer.write(new RecordBatch(schema, makeData({ type, length: data.length, nullCount: 0, children: [column] })));
  }
  await writeFileAtomically(path, writer.finish().toUint8Array(true));
};
