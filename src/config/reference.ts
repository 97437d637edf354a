/** Renders the tables of `ops/config.md` from the schemas, so that the page cannot tell anything else. */
import { CORE_SECTIONS, type CoreSection, TargetCommonSchema } from '../../schema/config.js';
import { describeSchema } from './describe.js';
import { ENV_KEYS, OTHER_VARIABLES, WAN_KEYS } from './environment.js';
import type { Families } from './families.js';

/** What stands in a page instead of a generated part: `<!-- begin NAME -->` … `<!-- end NAME -->`. */
export type PartName = 'keys' | 'families' | 'environment';

/** The page with its generated parts made anew. Throws when a part has no place in it. */
export function renderReference(page: string, families: Families): string {
  const parts: Record<PartName, string> = {
    keys: coreTables(),
    families: familyTables(families),
    environment: environmentTable(),
  };
  let rendered = page;
  for (const [name, text] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- begin ${name} -->\n)[^]*?(<!-- end ${name} -->)`);
    if (!place.test(rendered)) throw new Error(`ops/config.md has no place for the part ${name}`);
    rendered = rendered.replace(place, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
  }
  return rendered;
}

function coreTables(): string {
  return Object.entries(CORE_SECTIONS)
    .map(([name, schema]) => `### \`[${name}]\`\n\n${keyTable(schema.properties, [])}`)
    .join('\n\n');
}

function familyTables(families: Families): string {
  const common = `### Every target\n\n${keyTable(TargetCommonSchema.properties, ['name'])}`;
  const own = [...families.values()].map((spec) => {
    const table = keyTable(spec.schema.properties, spec.schema.required ?? []);
    const timeout = spec.timeoutS === undefined ? '' : ` Default \`timeout_s\`: ${spec.timeoutS}.`;
    return `### \`[[${spec.name}]]\`\n\n${spec.title}.${timeout}\n\n${table}`;
  });
  return [common, ...own].join('\n\n');
}

function keyTable(properties: Readonly<Record<string, unknown>>, required: readonly string[]): string {
  const rows = Object.entries(properties).map(([key, schema]) => {
    const { description = '', default: value } = schema as { description?: string; default?: unknown };
    const fallback = value !== undefined ? code(value) : required.includes(key) ? 'required' : 'none';
    return row([`\`${key}\``, describeSchema(schema, key), fallback, sentence(description)]);
  });
  return [row(['key', 'value', 'default', 'meaning']), '|---|---|---|---|', ...rows].join('\n');
}

function environmentTable(): string {
  const keys = Object.entries(ENV_KEYS).map(
    ([name, [section, key]]) => [name, meaningOf(section, key)] as const,
  );
  const wan = Object.entries(WAN_KEYS).map(([name, key]) => {
    const turnsOn = key === 'dns_host' ? '' : ' Turns the uplink checks on.';
    return [name, `Sets \`${key}\` of every \`wan\` target.${turnsOn}`] as const;
  });
  const rows = [...keys, ...wan, ...Object.entries(OTHER_VARIABLES)].map(([name, text]) =>
    row([`\`${name}\``, text]),
  );
  return [row(['variable', 'meaning']), '|---|---|', ...rows].join('\n');
}

function meaningOf(section: CoreSection, key: string): string {
  const schema = (CORE_SECTIONS[section].properties as Record<string, { type?: string }>)[key];
  const form = schema?.type === 'array' ? ', separated by commas' : '';
  return `Sets \`[${section}] ${key}\`${form}.`;
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

/** Families write descriptions as they like; a table shows them as sentences. */
function sentence(text: string): string {
  if (text === '') return '';
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.…!?]$/.test(upper) ? upper : `${upper}.`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
