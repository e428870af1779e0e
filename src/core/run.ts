import type { Op } from './op.ts';
import type { ResultRecord } from './records.ts';

/** What an operation is run with: a way to stop it, its events, and where its results go. */
export interface Run extends Op {
  /** Called once for every outcome, in no promised order. */
  report(record: ResultRecord): void;
  /** Worker threads for small files; the default fits the machine. */
  readonly jobs?: number;
}
