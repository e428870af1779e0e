import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import type { SaveInput } from './inputs.ts';

export async function save(_input: SaveInput, _run: Run): Promise<void> {
  throw new DStoreError('UNSUPPORTED', 'save is not built yet');
}
