import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { PushInput } from './inputs.ts';

export async function push(_input: PushInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'push is not built yet');
}
