/** Samples as Prometheus reads them. */
import type { MetricSample } from '../../schema/messages.js';

/** Writes samples as text; those of one name stay together, as the format demands. */
export function exposition(
  samples: Iterable<MetricSample>,
  common: Readonly<Record<string, string>>,
): string {
  const byName = new Map<string, string[]>();
  for (const { name, help, type, labels, value } of samples) {
    let lines = byName.get(name);
    if (lines === undefined) {
      lines = [
        `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
        `# TYPE ${name} ${type}`,
      ];
      byName.set(name, lines);
    }
    const pairs = Object.entries({ ...common, ...labels }).map(([key, text]) => `${key}="${escaped(text)}"`);
    lines.push(`${name}{${pairs.join(',')}} ${value}`);
  }
  return [...byName.values()].map((lines) => `${lines.join('\n')}\n`).join('');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
