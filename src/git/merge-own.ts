import type { Merger } from './merge.ts';
import type { MergeSource } from './merge-program.ts';
import { programMerger } from './merge-program.ts';
export function ownMerger(source: MergeSource): Merger { return programMerger(source); }
