import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { LockInput } from './inputs.ts';

export async function lock(_input: LockInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'lock is not built yet');
}

export async function unlock(_input: LockInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'unlock is not built yet');
}
