/** The front as `matrix serve` runs it, in a process of its own, on a truth that the benchmark gives it. */
import type { Changes, FrontInit } from '../../schema/messages.js';
import { mintToken } from '../../src/front/auth.js';
import { type Front, startFront } from '../../src/front/server.js';
import type { Store } from '../../src/front/store.js';
import { createLogger } from '../../src/log/logger.js';
import { servePeer } from '../harness/peer.js';
import { CYCLE, checkOf } from '../shared/checks.js';

export interface FrontCommand {
  readonly services: number;
}
export interface FrontAnswer {
  readonly port: number;
  /** Of a viewer. */
  readonly token: string;
}
/** A commit, as it comes by IPC from the writer's side. */
export interface FrontTold {
  readonly told: true;
  readonly changes: Changes;
}

const JWT_SECRET = 'of the benchmark only, but long enough';
const TOKEN_TTL_S = 3600;
const INIT: FrontInit = {
  version: '0.0.0',
  node: 'bench',
  customerId: 'axe',
  deployColor: null,
  host: '127.0.0.1',
  port: 0,
  sharePort: false,
  allowedHosts: [],
  anonymousRead: true,
  jwtSecret: JWT_SECRET,
  checkIntervalS: 30,
};

const noDatabase = async (): Promise<never> => {
  throw new Error('there is no database in this benchmark');
};

function storeOf(services: number): Store {
  const checks = Array.from({ length: services }, (_, index) => checkOf(index));
  return {
    loadSnapshot: async () => ({ rev: 0, checks, alerts: [], cycle: CYCLE }),
    changesSince: noDatabase,
    serviceHistory: noDatabase,
    listAlerts: noDatabase,
    uptimeReport: noDatabase,
    listServices: noDatabase,
    acknowledgeAlert: noDatabase,
    registerService: noDatabase,
    removeService: noDatabase,
  };
}

let front: Front | null = null;

servePeer<FrontCommand, FrontTold>(
  async ({ services }): Promise<FrontAnswer> => {
    front = await startFront({
      init: INIT,
      log: createLogger({ service: 'matrix', level: 'warn', format: 'json' }),
      checkTarget: noDatabase,
      tell: () => undefined,
      store: storeOf(services),
    });
    await front.load();
    const token = await mintToken({
      role: 'viewer',
      subject: 'bench',
      ttlS: TOKEN_TTL_S,
      secret: JWT_SECRET,
    });
    return { port: front.port, token };
  },
  ({ changes }) => front?.take({ kind: 'changes', changes }),
);
