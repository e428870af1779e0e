import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { CreateInput } from './inputs.ts';

export async function create(_input: CreateInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'create is not built yet');
}
