/** Perplexity of scored tokens: exp of the mean negative log-probability, summed in float64. */
export const perplexityOf = (logprobs: readonly Float32Array[]): { readonly perplexity: number; readonly tokens: number } => {
  let sum = 0;
  let tokens = 0;
  for (const chunk of logprobs) {
    for (const value of chunk) sum += value;
    tokens += chunk.length;
  }
  return { perplexity: Math.exp(-sum / tokens), tokens };
};
