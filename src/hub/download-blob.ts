import type { HubFetchOptions } from './contract.js';
import type { HubClient } from './hub-client.js';
import { HubError } from './hub-error.js';
import type { ListedFile } from './list-repository.js';
import { openPartialFile } from './partial-file.js';
import { receiveBytes } from './receive-bytes.js';

/** Times that a file with a wrong checksum is fetched from its first byte before that is an error. */
const WHOLE_FETCHES = 3;

/**
 * Downloads a file's content to its blob: resumed where an earlier try ended, verified by length and checksum, shown under its
 * name only when whole.
 *
 * @param blob path of the blob
 * @throws HubError or FileWriteError; what was received stays for the next try, unless its checksum is wrong
 */
export const downloadBlob = async (
  client: HubClient,
  commit: string,
  file: ListedFile,
  blob: string,
  options: HubFetchOptions,
): Promise<void> => {
  const { signal, onTransfer } = options;
  const partial = await openPartialFile(blob, file.bytes, signal);
  const tell = (): void => onTransfer?.({ file: file.path, bytes: partial.bytes(), totalBytes: file.bytes });
  const take = async (bytes: Uint8Array): Promise<void> => {
    await partial.append(bytes);
    tell();
  };
  try {
    tell();
    for (let fetches = partial.bytes() === 0 ? 1 : 0; ; fetches++) {
      await receiveBytes(client, { file, commit, position: partial.bytes, end: file.bytes, take, signal });
      if (partial.isVerified()) break;
      await partial.restart();
      if (fetches < WHOLE_FETCHES) continue;
      throw new HubError(
        'QL_HUB_CHECKSUM',
        `${client.label.shown}: ${file.path} came ${WHOLE_FETCHES} times with another checksum than ${file.blob}, and was thrown away. ` +
          'A proxy may change it, or the repository is damaged: try another network, or tell its owner.',
        { retryable: true },
      );
    }
    await partial.publish();
  } catch (error) {
    // The first failure is what the user can act on.
    await partial.release().catch(() => undefined);
    throw error;
  }
};
