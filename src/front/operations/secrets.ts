import type { Service } from '../../../schema/wire.js';
import { maskJson } from '../../config/mask.js';

/** A service as it may be shown to whoever may see configurations: passwords and tokens stay in the store. */
export function withoutSecrets(service: Service): Service {
  return { ...service, config: JSON.parse(maskJson(JSON.stringify(service.config))) as Service['config'] };
}
