import { formatPath } from '../diagnostics.ts';
import type { KeyPath, Problem, ProblemCode } from '../problem.ts';
import type { Config, TargetConfig } from '../schema/schema.ts';
import { hasDifyIndex } from '../sls/dify-index.ts';

/** A broken rule between options; it is shown at the first of `paths` that the file contains. */
export interface RuleProblem extends Omit<Problem, 'path' | 'position'> {
  readonly paths: readonly [KeyPath, ...KeyPath[]];
}

/** Checks what no single value can show: clashes and orders between options. */
export function checkRules(config: Config): RuleProblem[] {
  return [
    ...portClashes(config),
    ...shareOrder(config),
    ...idleOrder(['components', 'pluginDaemon'], config.components.pluginDaemon),
    ...loadRules(['load'], config.load),
    ...reservedRoom(config),
    ...indexRules(config),
    ...Object.entries(config.targets).flatMap(([name, target]) => targetRules(['targets', name], target)),
  ];
}

function broken(code: ProblemCode, paths: RuleProblem['paths'], message: string, hint?: string): RuleProblem {
  const problem = { code, severity: 'error', paths, message } as const;
  return hint === undefined ? problem : { ...problem, hint };
}

function portClashes({ postgres, pgproxy, sls }: Config): RuleProblem[] {
  const ports: { path: KeyPath; port: number }[] = [
    { path: ['postgres', 'port'], port: postgres.port },
    { path: ['pgproxy', 'port'], port: pgproxy.port },
    ...Object.entries(pgproxy.components).map(([name, share]) => ({
      path: ['pgproxy', 'components', name, 'port'],
      port: share.port,
    })),
    ...(sls.enabled ? [{ path: ['sls', 'httpPort'], port: sls.httpPort }] : []),
    ...(sls.enabled ? [{ path: ['sls', 'pgPort'], port: sls.pgPort }] : []),
  ];
  const problems: RuleProblem[] = [];
  const first = new Map<number, KeyPath>();
  for (const { path, port } of ports) {
    const other = port === 0 ? undefined : first.get(port);
    if (other === undefined) first.set(port, path);
    else {
      const message = `${formatPath(path)} is ${port}, and so is ${formatPath(other)}`;
      problems.push(
        broken('CONFIG_PORT_CLASH', [path, other], message, 'Give each its own port, or 0 for any free one.'),
      );
    }
  }
  return problems;
}

function shareOrder({ pgproxy }: Config): RuleProblem[] {
  return Object.entries(pgproxy.components).flatMap(([name, { guaranteed, max }]) => {
    if (guaranteed === undefined || max === undefined || guaranteed <= max) return [];
    const path = ['pgproxy', 'components', name];
    const message = `${formatPath([...path, 'guaranteed'])} is ${guaranteed}, more than its max of ${max}`;
    return [
      broken(
        'CONFIG_SHARE_ORDER',
        [
          [...path, 'guaranteed'],
          [...path, 'max'],
        ],
        message,
      ),
    ];
  });
}

interface PluginPool {
  readonly maxOpenConnections?: number | undefined;
  readonly maxIdleConnections?: number | undefined;
}

function idleOrder(path: KeyPath, { maxOpenConnections, maxIdleConnections }: PluginPool): RuleProblem[] {
  if (maxOpenConnections === undefined || maxIdleConnections === undefined) return [];
  if (maxIdleConnections <= maxOpenConnections) return [];
  const idle = [...path, 'maxIdleConnections'];
  const message = `${formatPath(idle)} is ${maxIdleConnections}, more than maxOpenConnections, ${maxOpenConnections}`;
  return [broken('CONFIG_IDLE_ORDER', [idle, [...path, 'maxOpenConnections']], message)];
}

interface LoadOptions {
  readonly class?: number | undefined;
  readonly targetQps?: number | undefined;
}

function loadRules(path: KeyPath, load: LoadOptions): RuleProblem[] {
  if (load.class === undefined || load.targetQps === undefined) return [];
  const name = formatPath(path);
  const message = `${name}.targetQps is ${load.targetQps} and ${name}.class is ${load.class}; only one may be set`;
  return [
    broken(
      'CONFIG_LOAD_AMBIGUOUS',
      [
        [...path, 'targetQps'],
        [...path, 'class'],
      ],
      message,
    ),
  ];
}

function reservedRoom({ postgres }: Config): RuleProblem[] {
  if (postgres.reservedConnections < postgres.maxConnections) return [];
  const message = `postgres.reservedConnections is ${postgres.reservedConnections}, which leaves nothing of maxConnections, ${postgres.maxConnections}`;
  return [
    broken(
      'CONFIG_OUT_OF_RANGE',
      [
        ['postgres', 'reservedConnections'],
        ['postgres', 'maxConnections'],
      ],
      message,
    ),
  ];
}

function indexRules({ sls }: Config): RuleProblem[] {
  return Object.entries(sls.logstores).flatMap(([name, logstore]) => {
    if (logstore.index !== 'dify' || hasDifyIndex(name)) return [];
    const path = ['sls', 'logstores', name];
    const message = `${formatPath(path)} has no index, because Dify makes none for this name`;
    const hint = 'Write its index out, or set index: none.';
    return [broken('CONFIG_INDEX_UNKNOWN', [[...path, 'index'], path], message, hint)];
  });
}

const editionQpsMax = { test: 10, 'high-availability': 200, 'high-performance': 500 } as const;

function targetRules(path: KeyPath, target: TargetConfig): RuleProblem[] {
  const problems = [
    ...loadRules(path, target),
    ...idleOrder([...path, 'components', 'pluginDaemon'], target.components.pluginDaemon),
  ];
  const qps = target.class ?? target.targetQps ?? 0;
  const qpsMax = editionQpsMax[target.edition];
  if (qps > qpsMax) {
    const option = target.class === undefined ? 'targetQps' : 'class';
    const better = qps > editionQpsMax['high-availability'] ? 'high-performance' : 'high-availability';
    const message = `${formatPath(path)} asks edition ${target.edition} for ${qps} runs per second; it is made for at most ${qpsMax}`;
    problems.push(
      broken(
        'CONFIG_EDITION_LOAD',
        [
          [...path, 'edition'],
          [...path, option],
        ],
        message,
        `Set edition: ${better}.`,
      ),
    );
  }
  return [...problems, ...zoneRules(path, target)];
}

function zoneRules(path: KeyPath, { edition, region, zones, network }: TargetConfig): RuleProblem[] {
  const problems: RuleProblem[] = [];
  const zonesPath = [...path, 'zones'];
  const name = formatPath(zonesPath);
  if (zones.length === 1 && edition !== 'test') {
    problems.push(
      broken(
        'CONFIG_ZONES',
        [zonesPath, [...path, 'edition']],
        `${name} has one zone; edition ${edition} needs two different ones`,
      ),
    );
  }
  if (zones.length === 2 && zones[0] === zones[1]) {
    problems.push(
      broken('CONFIG_ZONES', [zonesPath], `${name} has ${zones[0]} twice; two different ones are needed`),
    );
  }
  for (const [index, zone] of zones.entries()) {
    if (zone.startsWith(`${region}-`)) continue;
    problems.push(
      broken(
        'CONFIG_ZONES',
        [
          [...zonesPath, index],
          [...path, 'region'],
        ],
        `${name}[${index}] is ${zone}, which is not in region ${region}`,
      ),
    );
  }
  const networkPath = [...path, 'network'];
  if ((network.vpcId === undefined) !== (network.vSwitchIds === undefined)) {
    const [present, missing] =
      network.vpcId === undefined ? ['vSwitchIds', 'vpcId'] : ['vpcId', 'vSwitchIds'];
    const message = `${formatPath(networkPath)} has ${present} without ${missing}; an existing network needs both`;
    problems.push(broken('CONFIG_ZONES', [[...networkPath, present ?? '']], message));
  }
  return problems;
}
