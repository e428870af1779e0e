import type { ErrorInfo } from '../core/errors.ts';
import { toDStoreError } from '../core/errors.ts';
import type { ItemError } from './bulk.ts';

/** The error of one item of a bulk task, as it is shown. @param doing what was attempted and on what */
export function itemFailure(error: ItemError, doing: string): ErrorInfo {
  return toDStoreError({ code: error.code, message: error.message }, doing).toInfo();
}
