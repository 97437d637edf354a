/** What is watched while things break: memory, supervision, notices; and somebody who acknowledges alerts. */
import { readFileSync } from 'node:fs';
import type { Alert, Status } from '../../schema/wire.js';
import { mintToken } from '../../src/front/auth.js';
import { SECRET } from '../support/matrix.js';
import { childrenOf } from './place/database.js';
import type { Instance, LogLine } from './place/instance.js';
import type { Place } from './place/place.js';

const LOOK_MS = 2_000;

export class Watch {
  place: Place | null = null;
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();
  private readonly events = new Map<string, number>();
  private readonly rssMb: { at: number; mb: number }[] = [];
  private readonly acknowledged = new Map<string, string>();
  private acks = 0;

  /** A line that a Matrix logged. */
  line(line: LogLine, instance: string): void {
    if (line.event !== undefined) this.events.set(line.event, (this.events.get(line.event) ?? 0) + 1);
    if (process.env['MATRIX_CHAOS_LOG'] !== undefined) {
      process.stderr.write(`${instance} ${JSON.stringify(line)}\n`);
    }
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** One look, after the one that may be under way. */
  look(): Promise<void> {
    this.looking = this.looking.then(() => this.lookNow());
    return this.looking;
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    await this.looking;
  }

  summary(): {
    events: Record<string, number>;
    rss_mb_max: number;
    rss_mb_end: number;
    acknowledged: number;
  } {
    return {
      events: Object.fromEntries([...this.events].sort()),
      rss_mb_max: Math.max(0, ...this.rssMb.map(({ mb }) => mb)),
      rss_mb_end: this.rssMb.at(-1)?.mb ?? 0,
      acknowledged: this.acknowledged.size,
    };
  }

  /** Sentences on what does not stand in the end as it should. */
  async wrongEnd(place: Place): Promise<string[]> {
    const wrong: string[] = [];
    const rows = await place.database.query<{ id: string; acked_by: string | null }>(
      'SELECT id, acked_by FROM matrix.alerts',
    );
    const stored = new Map(rows.map((row) => [row.id, row.acked_by]));
    for (const [id, who] of this.acknowledged) {
      if (stored.get(id) !== who) wrong.push(`alert ${id} was acknowledged by ${who}, which is not stored`);
    }
    for (const instance of place.instances) {
      const status = (await instance.get('/matrix/api/status'))?.body as Status | undefined;
      const bad = (status?.checks ?? []).filter(
        (check) => check.family === 'http' && (check.status !== 'pass' || !check.stored),
      );
      if (status === undefined) wrong.push(`${instance.name} shows no status`);
      for (const check of bad.slice(0, 3)) {
        wrong.push(`${instance.name} shows ${check.service} as ${check.status} (stored: ${check.stored})`);
      }
    }
    return wrong;
  }

  private async lookNow(): Promise<void> {
    const { place } = this;
    if (place === null) return;
    const mb = place.instances.reduce((sum, instance) => sum + rssOf(instance), 0);
    this.rssMb.push({ at: Date.now(), mb: Math.round(mb) });
    const [instance] = place.instances;
    if (instance !== undefined) await this.acknowledgeOne(instance).catch(() => undefined);
  }

  private async acknowledgeOne(instance: Instance): Promise<void> {
    const answer = (await instance.get('/matrix/api/alerts'))?.body;
    const alerts = (
      Array.isArray(answer) ? answer : ((answer as { alerts?: Alert[] })?.alerts ?? [])
    ) as Alert[];
    const alert = alerts.at(-1);
    if (alert === undefined) return;
    this.acks += 1;
    const who = `operator-${this.acks}`;
    const token = await mintToken({ role: 'member', subject: who, ttlS: 86_400, secret: SECRET });
    const done = await instance.ask(`/matrix/api/alerts/${alert.id}/ack`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ acked_by: who }),
    });
    const body = done?.body as { already?: boolean } | undefined;
    if (done?.status === 200 && body?.already === false) this.acknowledged.set(alert.id, who);
  }
}

/** Resident memory of a Matrix with its front, in MiB. */
function rssOf(instance: Instance): number {
  return [instance.pid, ...childrenOf(instance.pid)].reduce((sum, pid) => {
    try {
      const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
      return sum + Number(kb) / 1024;
    } catch {
      return sum;
    }
  }, 0);
}
