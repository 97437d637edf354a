/** What a client of the WebSocket says, which may be anything. */
import { type ClientMessage, TOPICS } from '../../snapshot/client.js';

/** For whoever said something else. */
export const UNDERSTOOD = `The messages understood here are {"type":"resync"} and {"type":"subscribe","topic":…} or {"type":"unsubscribe","topic":…} with one of the topics ${TOPICS.join(', ')}`;

/** @returns null for what is not a message that is understood here. */
export function parseClientMessage(text: string): ClientMessage | null {
  const { type, topic: named } = fieldsOf(text);
  if (type === 'resync') return { type };
  const topic = TOPICS.find((one) => one === named);
  if (topic === undefined || (type !== 'subscribe' && type !== 'unsubscribe')) return null;
  return { type, topic };
}

function fieldsOf(text: string): { readonly type?: unknown; readonly topic?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
