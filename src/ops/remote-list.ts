import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { RemoteListInput } from './inputs.ts';

export async function remoteList(_input: RemoteListInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'remote list is not built yet');
}
