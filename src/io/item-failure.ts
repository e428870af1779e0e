import type { ErrorCode, ErrorInfo } from '../core/errors.ts';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { ItemError } from './bulk.ts';

/** Codes of the bulk tasks that are none of the system's. */
const OWN_CODES: Readonly<Record<string, ErrorCode>> = { CHANGED: 'CONTENT_CHANGED', MISMATCH: 'CONTENT_CORRUPT', SIZE: 'CONTENT_CORRUPT', NOTFILE: 'IO' };

/** The error of one item of a bulk task, as it is shown. @param doing what was attempted and on what */
export function itemFailure(error: ItemError, doing: string): ErrorInfo {
  const own = OWN_CODES[error.code];
  if (own !== undefined) return new DStoreError(own, `${doing}: ${error.message}`).toInfo();
  return toDStoreError({ code: error.code, message: error.message }, doing).toInfo();
}
