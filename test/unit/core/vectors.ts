import { readFileSync } from 'node:fs';
import type { ErrorCode } from '../../../src/core/errors.ts';

/** Reads a vector file of the store layout. The caller states its shape; a wrong statement shows as a failing test. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../store-layout/vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** The code of the error that `run` throws, or what it returns. */
export function outcome<T>(run: () => T): T | { error: ErrorCode } {
  try {
    return run();
  } catch (error) {
    return { error: (error as { code: ErrorCode }).code };
  }
}
