/**
 * The inside of a regular expression's character class, from ranges of code points.
 *
 * @param ranges "first-last" or one code point, in hexadecimal, separated by spaces
 */
export const codePointClass = (ranges: string): string =>
  ranges
    .split(' ')
    .map((range) =>
      range
        .split('-')
        .map((end) => `\\u{${end}}`)
        .join('-'),
    )
    .join('');
