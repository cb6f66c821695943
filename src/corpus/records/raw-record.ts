/** One record of a file, parsed when it is looked at. */
export interface RawRecord {
  /** File and line, row or place in the list, as messages name it. */
  readonly where: string;
  /**
   * Parses the record.
   *
   * @throws CorpusError QL_TEXT_FORMAT or QL_TEXT_ENCODING naming the place
   */
  readonly read: () => unknown;
}
