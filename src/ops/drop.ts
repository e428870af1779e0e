import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { DropInput } from './inputs.ts';

export async function drop(_input: DropInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'drop is not built yet');
}
