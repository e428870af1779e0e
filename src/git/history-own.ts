import type { History, HistorySource } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import { programHistory } from './history-program.ts';
export function ownHistory(source: HistorySource, store: ObjectStore): History { void store; return programHistory(source); }
