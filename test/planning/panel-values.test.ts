import t from 'tap';
import { zeroPanels } from '../../src/calibration/index.js';
import { panelValues } from '../../src/planning/panel-values.js';

t.test('as many values as the panels that are summed into', async (t) => {
  for (const size of [1, 64, 255, 256, 576, 1536, 4096])
    t.equal(
      panelValues(size),
      zeroPanels(size).reduce((sum, { length }) => sum + length, 0),
      `${size}`,
    );
});
