import type { HubRepositoryId, HubRepositoryKind } from './contract.js';
import { HubError } from './hub-error.js';

/** A repository's name, checked, with what messages and addresses need of it. */
export interface RepositoryLabel {
  readonly kind: HubRepositoryKind;
  readonly name: string;
  readonly revision: string;
  /** `model "org/name"`, for messages. */
  readonly shown: string;
  /** Path of the repository's page at the endpoint. */
  readonly page: string;
}

const PART = /^\w(?:[\w.-]*\w)?$/u;

/**
 * Checks a repository name and a revision before anything is made of them: a path in the cache, an address.
 *
 * The rules are those of huggingface_hub's validate_repo_id, and git's for references.
 *
 * @throws HubError QL_HUB_SETTING; retrying does not help
 */
export const labelRepository = ({ kind, name, revision = 'main' }: HubRepositoryId): RepositoryLabel => {
  const parts = name.split('/');
  const isName = parts.length <= 2 && name.length <= 96 && parts.every((part) => PART.test(part)) && !/--|\.\.|\.git$/u.test(name);
  if (!isName) {
    throw new HubError(
      'QL_HUB_SETTING',
      `${JSON.stringify(name)} is no repository name: those look like "organization/name" (letters, digits, "-", "_", "."; no "--" or "..").`,
    );
  }
  if (!/^[\w.+-]+(?:\/[\w.+-]+)*$/u.test(revision) || revision.split('/').some((part) => /^\.|\.$|\.\./u.test(part))) {
    throw new HubError('QL_HUB_SETTING', `${JSON.stringify(revision)} is no revision: give a branch, a tag or a commit.`);
  }
  return { kind, name, revision, shown: `${kind} "${name}"`, page: kind === 'dataset' ? `datasets/${name}` : name };
};
