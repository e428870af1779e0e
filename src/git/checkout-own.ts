/** Moving the work tree to another commit without the git program. */
import type { Op } from '../core/op.ts';
import type { Head } from './refs.ts';
import { moveWorkTree } from './work-tree-move.ts';
import type { WorkTreeSource } from './work-tree-move.ts';

export interface CheckoutSource extends WorkTreeSource {
  head(): Head;
  detachHead(oid: string, reason: string): void;
}

export function ownCheckout(source: CheckoutSource): (commit: string, op: Op) => Promise<void> {
  return async (commit, op) => {
    await moveWorkTree(source, source.head().oid, commit, op);
    source.detachHead(commit, `checkout: moving from ${source.head().branch ?? source.head().oid ?? 'nothing'} to ${commit}`);
  };
}
