/**
 * The decision whether one copy of a content may be removed. Rules as in git-annex (numcopies and mincopies):
 * a log entry is never evidence; only copies that were checked just now, or are trusted, count.
 */
import type { KeyText } from './key.ts';

export type TrustLevel = 'trusted' | 'semitrusted' | 'untrusted' | 'dead';

/**
 * Why a copy is believed to exist in the repository `uuid`.
 * `locked`: it is there and cannot be removed by others while the lock is held. `trusted`: the repository is trusted and the
 * location log says it is there. `verified`: the repository said so just now.
 */
export type CopyEvidence = { readonly uuid: string; readonly kind: 'locked' | 'verified' | 'trusted' };

/** Values below 1 and values that are no number count as 1. */
export interface CopyPolicy {
  /** Copies wanted. */
  readonly numCopies: number;
  /** Copies that must stay even when others drop at the same time. */
  readonly minCopies: number;
}

declare const proofBrand: unique symbol;

/** Permission to remove one copy. Only {@link decideDrop} and {@link forceDrop} make one. */
export interface DropProof {
  readonly key: KeyText;
  /** UUID of the repository whose copy is removed. */
  readonly from: string;
  /** The copies that the decision rests on, one per repository. */
  readonly evidence: readonly CopyEvidence[];
  readonly forced: boolean;
  readonly [proofBrand]: true;
}

/** Refusal: how many copies are needed and how many were shown. */
export interface UnsafeDrop {
  readonly unsafe: true;
  readonly key: KeyText;
  readonly needed: number;
  readonly have: number;
  /** Of them, copies that must be locked or trusted; 0 when dropping locally, where the content lock itself protects. */
  readonly needLocked: number;
  readonly haveLocked: number;
}

const STRENGTH = { verified: 0, trusted: 1, locked: 2 } as const;

function atLeastOne(count: number): number {
  return count >= 1 ? Math.ceil(count) : 1;
}

function makeProof(key: KeyText, from: string, evidence: readonly CopyEvidence[], forced: boolean): DropProof {
  return Object.freeze({ key, from, evidence, forced }) as DropProof;
}

/**
 * Decides whether the copy of `key` in the repository `from` may be removed.
 *
 * Locally (the caller holds the exclusive lock of the content) the larger of numCopies and minCopies other copies are needed, of
 * any kind. From a remote, numCopies of any kind are needed and minCopies of them locked or trusted. Several pieces of evidence
 * about one repository count once, the strongest kept; evidence about `from` itself does not count.
 */
export function decideDrop(
  key: KeyText, from: { uuid: string; local: boolean }, policy: CopyPolicy, evidence: readonly CopyEvidence[],
): DropProof | UnsafeDrop {
  const strongest = new Map<string, CopyEvidence>();
  for (const copy of evidence) {
    if (copy.uuid === from.uuid || copy.uuid === '' || !Object.hasOwn(STRENGTH, copy.kind)) continue;
    const known = strongest.get(copy.uuid);
    if (known === undefined || STRENGTH[copy.kind] > STRENGTH[known.kind]) strongest.set(copy.uuid, copy);
  }
  const copies = [...strongest.values()];
  const minCopies = atLeastOne(policy.minCopies);
  const needed = Math.max(atLeastOne(policy.numCopies), minCopies);
  const needLocked = from.local ? 0 : minCopies;
  const haveLocked = copies.filter(copy => copy.kind !== 'verified').length;
  if (copies.length >= needed && haveLocked >= needLocked) return makeProof(key, from.uuid, copies, false);
  return { unsafe: true, key, needed, have: copies.length, needLocked, haveLocked };
}

/** Permission without evidence, for a user who said so explicitly. */
export function forceDrop(key: KeyText, from: string): DropProof {
  return makeProof(key, from, [], true);
}
