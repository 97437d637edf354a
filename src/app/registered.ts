import type pg from 'pg';
import type { Families } from '../config/families.js';
import type { Target } from '../config/settings.js';
import { createTargetValidator, type TargetValidator } from '../config/targets.js';
import { createCompiler } from '../config/validator.js';
import { messageOf } from '../contract/errors.js';
import type { Logger } from '../log/logger.js';
import { createPool } from '../store/pool.js';
import { registeredTargets } from '../store/reads.js';

/** Targets that were registered at run time, as they stand in the store. */
export class Registered {
  private readonly validate: TargetValidator;
  private session: { readonly url: string; readonly pool: pg.Pool } | null = null;

  constructor(private readonly options: { families: Families; checkIntervalMs: number; log: Logger }) {
    this.validate = createTargetValidator(options.families, createCompiler());
  }

  /**
   * Every registered target; null when the database does not answer, and then the list is what it was. One that
   * is no longer valid (an option was renamed since) is left out and named in the log.
   */
  async load(url: string): Promise<Target[] | null> {
    const { checkIntervalMs, log } = this.options;
    try {
      const rows = await registeredTargets(this.poolOf(url));
      return rows.flatMap(({ name, family, config }) => {
        const { target, findings } = this.validate(family, { ...config, name }, checkIntervalMs);
        if (target !== null) return [target];
        log.warn(
          { event: 'target_refused', target: name, problems: findings },
          `the registered target ${name} is not valid any more`,
        );
        return [];
      });
    } catch (error) {
      log.warn(
        { event: 'targets_unread', error: messageOf(error) },
        'the registered targets could not be read',
      );
      return null;
    }
  }

  async close(): Promise<void> {
    const { session } = this;
    this.session = null;
    await session?.pool.end().catch(() => undefined);
  }

  private poolOf(url: string): pg.Pool {
    if (this.session?.url === url) return this.session.pool;
    // The embedded database came back somewhere else.
    void this.close();
    const pool = createPool(url, { name: 'matrix targets', max: 1, statementTimeoutMs: 5_000 });
    this.session = { url, pool };
    return pool;
  }
}
