import type { ErrorInfo } from '../core/errors.ts';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { ItemError } from './bulk.ts';

/** Codes of the tasks themselves; the others are the system's. */
const TASK_CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['CHANGED', 'CONTENT_CHANGED'], ['MISMATCH', 'CONTENT_CORRUPT'], ['SIZE', 'CONTENT_CORRUPT'], ['NOTFILE', 'IO'],
]);

/** The error of one item of a bulk task, as it is shown. @param doing what was attempted and on what */
export function itemFailure(error: ItemError, doing: string): ErrorInfo {
  const code = TASK_CODES.get(error.code);
  if (code !== undefined) return new DStoreError(code, `${doing}: ${error.message}`).toInfo();
  return toDStoreError({ code: error.code, message: error.message }, doing).toInfo();
}
