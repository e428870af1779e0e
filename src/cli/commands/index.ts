import type { Command } from '../command.ts';
import { clone } from './clone.ts';
import { create } from './create.ts';
import { drop } from './drop.ts';
import { find } from './find.ts';
import { fsck } from './fsck.ts';
import { get } from './get.ts';
import { info } from './info.ts';
import { lock, unlock } from './lock.ts';
import { log } from './log.ts';
import { push } from './push.ts';
import { remoteList } from './remote.ts';
import { save } from './save.ts';
import { status } from './status.ts';
import { storeAddDataset, storeInfo, storeInit, storeList } from './store.ts';
import { update } from './update.ts';
import { whereis } from './whereis.ts';

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  create, clone,
  status, save, update, unlock, lock,
  get, drop, push, fsck,
  find, whereis, info, log,
  storeInit, storeList, storeInfo, storeAddDataset, remoteList,
];
