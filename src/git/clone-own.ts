import { DStoreError } from '../core/errors.ts';
import type { CloneOptions } from './clone.ts';
export async function cloneOwn(url: string, target: string, options: CloneOptions): Promise<void> { void target; void options; throw new DStoreError('TOOL_MISSING', `cannot clone ${url} without git`, { hint: 'install git' }); }
