import type { Op } from '../core/op.ts';

/** `conflicts`: the paths that both sides changed, when nothing was done because of them. */
export interface MergeResult { readonly status: 'uptodate' | 'fast-forward' | 'merged' | 'conflict'; readonly conflicts?: string[] }

/** Merges a commit into the checked-out branch; see GitRepository.merge. */
export type Merger = (commit: string, message: string, op: Op) => Promise<MergeResult>;
