import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { FsckInput } from './inputs.ts';

export async function fsck(_input: FsckInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'fsck is not built yet');
}
