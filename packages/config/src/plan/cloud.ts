import { showValue } from '../diagnostics.ts';
import type { Problem } from '../problem.ts';
import type { CloudInstances, CloudPlan, CloudService, ComponentPlan, NumberSource } from './plan.ts';
import {
  type InstanceSize,
  type PostgresSize,
  postgresClasses,
  redisClasses,
  type SizedService,
} from './published-sizes.ts';
import type { PlanRequest } from './request.ts';
import { isLegalSize, nearestLegalSizes } from './sae-sizes.ts';
import type { Sheet } from './sheet.ts';
import { instanceSizeOf, planReplicas, type SizeClass } from './size-class.ts';

type Target = NonNullable<PlanRequest['targetConfig']>;

/** The RDS instance of a target: the configured class, else the published one. */
export function planRds(
  target: Target,
  size: SizeClass,
): { rds: (PostgresSize & { source: NumberSource }) | undefined; problem?: Omit<Problem, 'path'> } {
  const { class: asked, maxConnections } = target.postgres;
  if (asked === undefined) {
    const found = postgresClasses.find((known) => known.class === size.upper.postgresClass);
    return { rds: found && { ...found, source: 'published' } };
  }
  const known = postgresClasses.find((candidate) => candidate.class === asked);
  const memoryGb = known?.memoryGb ?? 0;
  if (known !== undefined || maxConnections !== undefined) {
    return {
      rds: {
        class: asked,
        cpus: known?.cpus ?? 0,
        memoryGb,
        maxConnections: maxConnections ?? known?.maxConnections ?? 0,
        source: 'configured',
      },
    };
  }
  return {
    rds: undefined,
    problem: {
      code: 'CONFIG_RDS_CLASS_UNKNOWN',
      severity: 'error',
      message: `the connection ceiling of RDS class ${asked} is not known`,
      hint: 'Set postgres.maxConnections of the target as well, from the page of the class.',
    },
  };
}

export interface CloudInputs {
  readonly sheet: Sheet;
  readonly request: PlanRequest;
  readonly target: Target;
  readonly size: SizeClass;
  readonly components: readonly ComponentPlan[];
  readonly rds: (PostgresSize & { source: NumberSource }) | undefined;
}

/** Instances and data stores of a target, with the sizes that SAE does not offer as problems. */
export function planCloud(inputs: CloudInputs): { cloud: CloudPlan; problems: Problem[] } {
  const { target, size, components, request } = inputs;
  const applications = components.map(({ name, replicas }) => instancesOf(inputs, name, replicas));
  const others = (['nginx', 'web', 'sandbox'] as const).map((service) =>
    instancesOf(inputs, service, replicasOf(inputs, service)),
  );
  const instances = [...applications, ...others];
  const isTest = target.edition === 'test';
  return {
    cloud: {
      edition: target.edition,
      instances,
      rds: isTest ? undefined : inputs.rds,
      redis: isTest ? undefined : redisOf(target, size),
      natMbps: size.upper.natMbps,
    },
    problems: instances.flatMap((instance) => sizeProblems(request.target, instance)),
  };
}

function replicasOf(
  { sheet, request, size, target }: CloudInputs,
  service: 'nginx' | 'web' | 'sandbox',
): number {
  return sheet.choose(`${service}.replicas`, 'instances', target.components[service].replicas, () =>
    planReplicas(sheet, size, request.qps, service),
  );
}

/** The published size nearest in kind to a service that has none. */
const sizedLike: Readonly<Record<CloudService, SizedService>> = {
  api: 'api',
  apiWebsocket: 'worker',
  worker: 'worker',
  workerBeat: 'worker',
  pluginDaemon: 'pluginDaemon',
  nginx: 'nginx',
  web: 'web',
  sandbox: 'sandbox',
};

function instancesOf(
  { target, size, sheet }: CloudInputs,
  service: CloudService,
  replicas: number,
): CloudInstances {
  const { cpuMillicores, memoryMb } = target.components[service];
  const published = instanceSizeOf(size, sizedLike[service]);
  const isConfigured = cpuMillicores !== undefined || memoryMb !== undefined;
  const replicaSource = sheet.numbers.find(({ key }) => key === `${service}.replicas`)?.source ?? 'derived';
  const isOwn = sizedLike[service] === service;
  return {
    service,
    replicas,
    cpuMillicores: cpuMillicores ?? published.cpuMillicores,
    memoryMb: memoryMb ?? published.memoryMb,
    source: isConfigured ? 'configured' : isOwn ? replicaSource : 'derived',
  };
}

function redisOf(target: Target, size: SizeClass): CloudPlan['redis'] {
  const asked = target.redis.class;
  const name = asked ?? size.upper.redisClass;
  const known = redisClasses.find((candidate) => candidate.class === name);
  const unknown = { class: name, memoryGb: 0, bandwidthMbytesPerSecond: 0, maxConnections: 0 };
  return { ...(known ?? unknown), source: asked === undefined ? 'published' : 'configured' };
}

function sizeProblems(target: string, instance: CloudInstances): Problem[] {
  if (isLegalSize(instance)) return [];
  const text = ({ cpuMillicores, memoryMb }: InstanceSize) =>
    `${cpuMillicores} millicores with ${memoryMb} MB`;
  const message = `${instance.service} has ${showValue(instance.cpuMillicores)} millicores with ${instance.memoryMb} MB, a pair that SAE does not offer`;
  const hint = `The nearest pairs are ${nearestLegalSizes(instance).map(text).join(' and ')}.`;
  const path = ['targets', target, 'components', instance.service, 'cpuMillicores'];
  return [{ code: 'CONFIG_SIZE_ILLEGAL', severity: 'error', path, message, hint }];
}
