/**
 * A place that holds content by key. Every call takes many keys; a remote is free to order, group and overlap the work.
 * Semantics follow git-annex's remotes: content is never visible before it is complete, and "absent" is only said when proven.
 */
import type { ErrorInfo } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import type { DropProof } from '../core/drop-decision.ts';
import type { Op } from '../core/op.ts';

/** `unknown`: could not be found out; never to be read as absent. `corrupt`: something is there, and it is not the content. */
export type PresenceState = 'present' | 'absent' | 'unknown' | 'corrupt';

export interface PresenceAnswer {
  readonly key: KeyText;
  readonly state: PresenceState;
  readonly error?: ErrorInfo;
}

export interface FetchRequest {
  readonly key: KeyText;
  /** File to write. An existing one is a partial download of the same key and is continued. */
  readonly target: string;
}

export interface FetchAnswer {
  readonly key: KeyText;
  /** `corrupt`: the bytes received do not match the key; they are in `target`. */
  readonly state: 'ok' | 'absent' | 'unknown' | 'corrupt';
  readonly bytes: number;
  readonly error?: ErrorInfo;
}

export interface StoreRequest {
  readonly key: KeyText;
  /** File with the content; it is verified against the key on its way. */
  readonly source: string;
}

export interface StoreAnswer {
  readonly key: KeyText;
  /** `present`: it was there already. `corrupt`: the source does not match the key; nothing was stored. */
  readonly state: 'ok' | 'present' | 'corrupt' | 'failed';
  readonly bytes: number;
  readonly error?: ErrorInfo;
}

export interface RemoveAnswer {
  readonly key: KeyText;
  readonly state: 'removed' | 'absent' | 'failed';
  readonly bytes: number;
  readonly error?: ErrorInfo;
}

/** A copy that cannot be removed by others while it is held. */
export interface HeldCopies {
  readonly keys: ReadonlySet<KeyText>;
  release(): void;
}

export interface Remote {
  readonly name: string;
  /** UUID under which the location log knows the place. */
  readonly uuid: string;
  /** `ora`, `git`, … as git-annex names types. */
  readonly type: string;
  /** Where it is, for people; never contains credentials. */
  readonly where: string;
  /** Lower is asked first; git-annex's numbers: 100 local, 200 network. */
  readonly cost: number;
  readonly readOnly: boolean;
  /** @throws why it takes no changes, when it does not (`readOnly`) */
  requireWritable?(): void;
  /** Asks about all keys; `report` is called once for each. */
  check(keys: readonly KeyText[], report: (answer: PresenceAnswer) => void, op: Op): Promise<void>;
  /** Content is complete, verified against its key and synced by the caller before it is put in place. */
  fetch(requests: readonly FetchRequest[], report: (answer: FetchAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void>;
  /** Durable when the promise resolves. */
  store?(requests: readonly StoreRequest[], report: (answer: StoreAnswer) => void, op: Op, onBytes?: (total: number) => void): Promise<void>;
  /** Removing what is absent succeeds as `absent`. */
  remove?(proofs: readonly DropProof[], report: (answer: RemoveAnswer) => void, op: Op): Promise<void>;
  /** Keeps copies from being removed by others; only keys that are present and free are held. */
  hold?(keys: readonly KeyText[]): HeldCopies;
}
