import t from 'tap';
import { describeUnsupported } from '../../src/models/describe-unsupported.js';

const describe = (config: Record<string, unknown>): string => describeUnsupported(config, ['llama', 'opt']);

t.test('each kind of model is named', async (t) => {
  t.match(describe({ model_type: 'bert', architectures: ['BertForMaskedLM'] }), /"bert" \(BertForMaskedLM\), an encoder.*llama, opt/);
  t.match(describe({ model_type: 't5', is_encoder_decoder: true }), /"t5", an encoder-decoder/);
  t.match(
    describe({ model_type: 'idefics', vision_config: {}, text_config: { model_type: 'odd' } }),
    /text_config "odd", a model for more than text/,
  );
  t.match(describe({ model_type: 'mamba', architectures: ['MambaForCausalLM'] }), /"mamba" \(MambaForCausalLM\)\. Give a causal/);
  t.match(describe({}), /model_type nothing\. Give/);
});
