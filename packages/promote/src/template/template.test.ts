import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { subnetsOf } from './network.ts';
import { resourceProperties } from './resource-properties.ts';
import { logicalId, substitute } from './ros.ts';

const here = dirname(fileURLToPath(import.meta.url));
const golden = join(here, '../golden');
const vendor = join(process.env['SAMPAN_DATA'] ?? join(here, '../../../../../shared/data'), 'ros');

interface Template {
  readonly Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
  readonly Parameters: Record<string, unknown>;
  readonly Metadata: Record<string, { ParameterGroups: { Parameters: string[] }[] }>;
}

const read = (path: string): Template =>
  parse(readFileSync(path, 'utf8'), { logLevel: 'silent' }) as Template;
const templates = readdirSync(golden).map((name) => [name, read(join(golden, name))] as const);

describe.each(templates)('the template %s', (_, template) => {
  it('uses only properties that the vendor documents for each type', () => {
    const unknown = Object.entries(template.Resources).flatMap(([id, { Type, Properties = {} }]) =>
      Object.keys(Properties)
        .filter((name) => resourceProperties[Type]?.includes(name) !== true)
        .map((name) => `${id} ${Type} ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('groups every parameter of its form once', () => {
    const grouped = template.Metadata['ALIYUN::ROS::Interface']?.ParameterGroups.flatMap(
      (group) => group.Parameters,
    );
    expect(grouped?.toSorted()).toEqual(Object.keys(template.Parameters).sort());
  });

  it('gives parameters and resources different names, of letters and digits', () => {
    const names = [...Object.keys(template.Parameters), ...Object.keys(template.Resources)];
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[A-Za-z][A-Za-z0-9]*$/.test(name))).toEqual([]);
  });

  it('holds JSON in every property that SAE reads as JSON', () => {
    const jsons = [
      'Envs',
      'ConfigMapMountDesc',
      'NasConfigs',
      'PvtzDiscoverySvc',
      'Liveness',
      'Readiness',
      'SlsConfigs',
      'CommandArgs',
    ];
    let count = 0;
    for (const { Properties = {} } of Object.values(template.Resources)) {
      for (const name of jsons) {
        const value = Properties[name];
        if (value === undefined) continue;
        const text = typeof value === 'string' ? value : (value as { 'Fn::Sub': [string] })['Fn::Sub'][0];
        // A number stands for whatever is substituted: ids are numbers, and names stand inside quotes.
        expect(() => JSON.parse(text.replace(/\$\{\w+\}/g, '1')), `${name}: ${text}`).not.toThrow();
        count++;
      }
    }
    expect(count).toBeGreaterThan(20);
  });

  it('opens no port to the world but the one of the edge', () => {
    const rules = template.Resources['SecurityGroup']?.Properties?.['SecurityGroupIngress'] as {
      SourceCidrIp: unknown;
      PortRange: string;
    }[];
    expect(rules.filter(({ SourceCidrIp }) => SourceCidrIp === '0.0.0.0/0')).toEqual([]);
    expect(rules.filter(({ SourceCidrIp }) => typeof SourceCidrIp !== 'string')).toMatchObject([
      { PortRange: '80/80' },
    ]);
  });
});

describe.skipIf(!existsSync(vendor))(
  `the vendor's own templates ${existsSync(vendor) ? '' : `(needs ${vendor}, named by SAMPAN_DATA)`}`,
  () => {
    it('use no property of our types that our table lacks', () => {
      const missing = readdirSync(vendor).flatMap((name) =>
        Object.values(read(join(vendor, name)).Resources).flatMap(({ Type, Properties = {} }) =>
          Object.keys(Properties)
            .filter(
              (property) =>
                resourceProperties[Type] !== undefined && !resourceProperties[Type].includes(property),
            )
            .map((property) => `${Type} ${property}`),
        ),
      );
      expect([...new Set(missing)]).toEqual([]);
    });
  },
);

describe('a text with variable parts', () => {
  it('is Fn::Sub in its long form, with literal ${ kept literal', () => {
    expect(substitute(['a${b}', { name: 'X', value: { Ref: 'P' } }])).toEqual({
      'Fn::Sub': ['a${!b}${X}', { X: { Ref: 'P' } }],
    });
  });

  it('is the value itself when there is nothing around it, and a text when nothing varies', () => {
    expect(substitute([{ name: 'X', value: { Ref: 'P' } }])).toEqual({ Ref: 'P' });
    expect(substitute(['a', '${b}'])).toBe('a${b}');
  });
});

it('names become logical ids of letters and digits', () => {
  expect(['plugin_daemon', './volumes/app/storage', 'pgvecto-rs'].map(logicalId)).toEqual([
    'PluginDaemon',
    'VolumesAppStorage',
    'PgvectoRs',
  ]);
});

it('two subnets lie inside the range of the VPC', () => {
  expect(subnetsOf('10.20.0.0/16')).toEqual(['10.20.1.0/24', '10.20.2.0/24']);
});
