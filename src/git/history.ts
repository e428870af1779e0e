import type { Op } from '../core/op.ts';
import type { CommitInfo } from './objects.ts';

/** Questions about commits; see GitRepository for what the members promise. */
export interface History {
  resolve(revision: string, op: Op): Promise<string | undefined>;
  isAncestor(ancestor: string, descendant: string, op: Op): Promise<boolean>;
  mergeBase(a: string, b: string, op: Op): Promise<string | undefined>;
  log(from: string, options: { readonly count?: number; readonly paths?: readonly string[] }, op: Op): AsyncIterable<CommitInfo>;
}

/** What histories need of a repository. */
export interface HistorySource {
  readonly gitDir: string;
  readonly commonDir: string;
  readObjects(oids: readonly string[], each: (oid: string, object: { type: 'blob' | 'tree' | 'commit' | 'tag'; data: Buffer } | undefined) => void, op: Op): Promise<void>;
  readRef(name: string): string | undefined;
}

/** Full names that a short one may stand for, in git's order (gitrevisions(7), "<refname>"). */
export function candidateRefs(name: string): string[] {
  return [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`, `refs/remotes/${name}`, `refs/remotes/${name}/HEAD`];
}
