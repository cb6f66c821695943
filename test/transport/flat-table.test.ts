import t from 'tap';
import { FlatTable } from '../../src/transport/flat-table.js';

/** A buffer whose root table, at 20, has its fields at 24 and 28: the number 7, and a vector of two bytes at 32. */
const buffer = (vectorLength = 2): DataView => {
  const view = new DataView(new ArrayBuffer(40));
  view.setUint32(0, 20, true);
  view.setInt32(20, 20 - 8, true);
  [8, 12, 4, 8].forEach((entry, i) => view.setUint16(8 + 2 * i, entry, true));
  view.setInt16(24, 7, true);
  view.setUint32(28, 4, true);
  view.setUint32(32, vectorLength, true);
  view.setUint16(36, 0x6968, true);
  return view;
};

t.test('fields by their position, absent ones with their default', async (t) => {
  const table = FlatTable.root(buffer());
  t.equal(table.short(0), 7);
  t.equal(table.byte(0), 7);
  t.equal(table.text(1), 'hi');
  t.same(
    table.structs(1, 1).map((entry) => entry.getUint8(0)),
    [0x68, 0x69],
  );
  t.same([table.short(2), table.long(2), table.text(2), table.table(9), table.tables(2)], [0, 0, '', undefined, []]);
});

t.test('nothing outside of the bytes is followed', async (t) => {
  for (const length of [5, 0x7fffffff, 0xffffffff]) {
    t.throws(() => FlatTable.root(buffer(length)).text(1), RangeError);
    t.throws(() => FlatTable.root(buffer(length)).tables(1), /goes beyond the 40 bytes/);
  }
  t.throws(() => FlatTable.root(buffer(1)).tables(1)[0]?.short(0), RangeError, 'an entry that points outside');
  const astray = buffer();
  astray.setUint32(0, 1000, true);
  t.throws(() => FlatTable.root(astray).short(0), RangeError);
});
