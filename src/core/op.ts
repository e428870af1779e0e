import { DStoreError } from './errors.ts';
import type { DStoreEvent } from './records.ts';

/** Passed as the last argument to every call with effects. */
export interface Op {
  /** Aborting it stops the operation before its next change; what is finished stays and is recorded. */
  readonly signal: AbortSignal;
  emit(event: DStoreEvent): void;
}

/** An operation context that nobody listens to and nobody aborts. */
export function quietOp(): Op {
  return { signal: new AbortController().signal, emit: () => {} };
}

/** Throws ABORTED when the operation was interrupted. Called before every change. */
export function checkAborted(op: Op): void {
  if (op.signal.aborted) throw new DStoreError('ABORTED', 'interrupted');
}
