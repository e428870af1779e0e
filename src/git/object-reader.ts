import type { Op } from '../core/op.ts';
import type { GitObject } from './objects.ts';

/** Reads many objects in one go. */
export interface ObjectReader {
  /** Calls `each` once per oid, in any order; undefined means that the object certainly does not exist. */
  read(oids: readonly string[], each: (oid: string, object: GitObject | undefined) => void, op: Op): Promise<void>;
  close(): Promise<void>;
}
