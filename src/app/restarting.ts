/** An operator's wish to have a part of Matrix anew, as main answers it to the front that passed it on. */
import type { RestartOutcome } from '../../schema/messages.js';
import type { RestartAnswer } from '../supervisor/child.js';

/** A child that takes longer than this to end and to start is said to be under way, in ms. */
const ANSWER_MS = 5_000;
/** It carries the answers. */
const FRONT_ID = 'front';

export interface Restarting {
  readonly child: string;
  /** Every supervisor of the tree; each answers null when it has no such child. */
  readonly supervisors: readonly { restart(id: string): Promise<RestartAnswer | null> }[];
  /** Called once, within a few seconds. */
  readonly answer: (outcome: RestartOutcome) => void;
}

/** Restarts a node of the tree. Resolves when that was tried. */
export async function restartNode({ child, supervisors, answer }: Restarting): Promise<void> {
  if (child === FRONT_ID) {
    // It is asked to drain next: it reads this first, and lets the request that waits for it end.
    answer('restarting');
    await restartIn(supervisors, child);
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<RestartOutcome>((resolve) => {
    timer = setTimeout(() => resolve('restarting'), ANSWER_MS);
  });
  const restarted = restartIn(supervisors, child);
  answer(await Promise.race([restarted, late]));
  clearTimeout(timer);
  await restarted;
}

async function restartIn(
  supervisors: Restarting['supervisors'],
  child: string,
): Promise<RestartAnswer | 'unknown'> {
  const answers = await Promise.all(supervisors.map((supervisor) => supervisor.restart(child)));
  return answers.find((one) => one !== null) ?? 'unknown';
}
