import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { LogInput } from './inputs.ts';

export async function log(_input: LogInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'log is not built yet');
}
