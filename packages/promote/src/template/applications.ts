import type { Promotion, WantApplication, WantProbe } from '../mapping/want.ts';
import { importParts, mapResources, type VariableMap, variableMaps } from './config-maps.ts';
import type { NetworkNames, Resources } from './network.ts';
import { getAtt, logicalId, type RosResource, type RosValue, ref, substitute, type TextPart } from './ros.ts';
import { nasId, stdoutLogstore } from './stores.ts';

export const applicationId = (service: string): string => `App${logicalId(service)}`;

/** Namespace, maps, applications, scaling rules and the load balancer. */
export function applicationResources(promotion: Promotion, network: NetworkNames): Resources {
  const { want } = promotion;
  const maps = variableMaps(want);
  const resources: Resources = {
    Namespace: {
      Type: 'ALIYUN::SAE::Namespace',
      ...dependsOn([...storesFirst(promotion), ...network.readyAfter]),
      Properties: {
        NamespaceName: ref('NamespaceName'),
        NamespaceId: namespaceId(),
        VpcId: network.vpc,
      },
    },
    ...mapResources(maps),
  };
  for (const application of want.applications) {
    if (application.files.length > 0) resources[filesId(application)] = filesResource(application);
    resources[applicationId(application.service)] = applicationResource({
      application,
      promotion,
      network,
      maps,
    });
    if (application.scaling !== undefined) {
      resources[`Scaling${logicalId(application.service)}`] = scalingResource(
        application,
        application.scaling,
      );
    }
  }
  return { ...resources, ...edgeResources(promotion) };
}

const dependsOn = (ids: readonly string[]): { DependsOn?: readonly string[] } =>
  ids.length === 0 ? {} : { DependsOn: ids };

function namespaceId(): RosValue {
  return substitute([
    { name: 'Region', value: ref('ALIYUN::Region') },
    ':',
    { name: 'NamespaceName', value: ref('NamespaceName') },
  ]);
}

/** The namespace waits for the slow data stores, and everything in it waits for the namespace. */
function storesFirst({ want }: Promotion): string[] {
  const databases = want.database?.databases.map((name) => `Database${logicalId(name)}`).slice(-1) ?? [];
  return [...databases, ...(want.redis === undefined ? [] : ['RedisWhitelist'])];
}

const filesId = (application: WantApplication): string => `Files${logicalId(application.service)}`;

function filesResource(application: WantApplication): RosResource {
  return {
    Type: 'ALIYUN::SAE::ConfigMap',
    Properties: {
      NamespaceId: getAtt('Namespace', 'NamespaceId'),
      Name: `files${logicalId(application.service).toLowerCase()}`,
      Data: Object.fromEntries(application.files.map((file) => [file.key, file.text])),
    },
  };
}

interface ApplicationInputs {
  readonly application: WantApplication;
  readonly promotion: Promotion;
  readonly network: NetworkNames;
  readonly maps: readonly VariableMap[];
}

function applicationResource({ application, promotion, network, maps }: ApplicationInputs): RosResource {
  const { want } = promotion;
  const services = new Set(want.applications.map(({ service }) => service));
  const first = application.dependsOn.filter((name) => services.has(name)).map(applicationId);
  const optional = (name: string, value: RosValue | undefined): Record<string, RosValue> =>
    value === undefined ? {} : { [name]: value };
  return {
    Type: 'ALIYUN::SAE::Application',
    ...dependsOn(['Namespace', ...first]),
    Properties: {
      AppName: application.name,
      AppDescription: `${application.service} of ${want.prefix}, promoted by Sampan`,
      NamespaceId: getAtt('Namespace', 'NamespaceId'),
      SaeVersion: 'v2',
      AutoConfig: false,
      VpcId: network.vpc,
      VSwitchId: substitute([
        { name: 'VSwitch1', value: network.vSwitch1 },
        ',',
        { name: 'VSwitch2', value: network.vSwitch2 },
      ]),
      SecurityGroupId: ref('SecurityGroup'),
      PackageType: 'Image',
      ImageUrl: application.image,
      ProgrammingLanguage: application.language,
      AppSource: 'micro_service',
      Timezone: 'Asia/Shanghai',
      Cpu: application.cpu,
      Memory: application.memory,
      Replicas: application.replicas,
      ...optional('Command', application.command),
      ...optional('CommandArgs', json(application.commandArgs)),
      ...optional('Envs', envsOf(application, maps)),
      ...optional('ConfigMapMountDesc', fileMounts(application)),
      ...optional('NasConfigs', nasMounts(application)),
      ...optional('PvtzDiscoverySvc', discovery(application)),
      ...optional('Liveness', probeText(application.liveness)),
      ...optional('Readiness', probeText(application.readiness)),
      ...optional('PostStart', hookText(application.postStart)),
      ...optional('PreStop', hookText(application.preStop)),
      ...optional('SlsConfigs', want.collectsLogs ? logConfig() : undefined),
      ...optional(
        'CustomHostAlias',
        application.hostAliases.length === 0 ? undefined : json(application.hostAliases),
      ),
      ...optional('TerminationGracePeriodSeconds', application.graceSeconds),
    },
  };
}

const json = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);

const probeText = (probe: WantProbe | undefined): string | undefined => json(probe);

const hookText = (command: readonly string[] | undefined): string | undefined =>
  command === undefined ? undefined : JSON.stringify({ exec: { command } });

function envsOf(application: WantApplication, maps: readonly VariableMap[]): RosValue | undefined {
  const parts = importParts(maps, application);
  return parts.length <= 2 ? undefined : substitute(parts);
}

function fileMounts(application: WantApplication): RosValue | undefined {
  if (application.files.length === 0) return undefined;
  const id = filesId(application);
  const parts: TextPart[] = ['['];
  for (const [at, file] of application.files.entries()) {
    parts.push(
      `${at === 0 ? '' : ','}{"mountPath":${JSON.stringify(file.mountPath)},"configMapId":`,
      { name: 'FilesId', value: getAtt(id, 'ConfigMapId') },
      `,"key":${JSON.stringify(file.key)}}`,
    );
  }
  return substitute([...parts, ']']);
}

function nasMounts(application: WantApplication): RosValue | undefined {
  if (application.mounts.length === 0) return undefined;
  const parts: TextPart[] = ['['];
  for (const [at, mount] of application.mounts.entries()) {
    const id = nasId(mount.volume);
    parts.push(
      `${at === 0 ? '' : ','}{"mountDomain":"`,
      { name: `${id}Domain`, value: getAtt(`${id}Mount`, 'MountTargetDomain') },
      '","nasId":"',
      { name: id, value: getAtt(id, 'FileSystemId') },
      `","nasPath":"/","mountPath":${JSON.stringify(mount.mountPath)},"readOnly":${mount.readOnly}}`,
    );
  }
  return substitute([...parts, ']']);
}

/** The private name of the application, which takes the place of the Compose service name. */
function discovery(application: WantApplication): RosValue | undefined {
  if (application.ports.length === 0) return undefined;
  const ports = Object.fromEntries(application.ports.map((port) => [`${port}:TCP`, String(port)]));
  const region = { name: 'Region', value: ref('ALIYUN::Region') };
  const namespace = { name: 'NamespaceName', value: ref('NamespaceName') };
  return substitute([
    '{"enable":"true","namespaceId":"',
    region,
    ':',
    namespace,
    `","portAndProtocol":${JSON.stringify(ports)},"portProtocols":[],"pvtzDiscoveryName":"`,
    region,
    '-',
    { name: 'Account', value: ref('ALIYUN::TenantId') },
    `","serviceName":"${application.name}.`,
    namespace,
    '"}',
  ]);
}

function logConfig(): RosValue {
  return substitute([
    '[{"logDir":"","logType":"stdout","projectName":"',
    { name: 'LogProject', value: getAtt('LogProject', 'Name') },
    `","logstoreName":"${stdoutLogstore}"}]`,
  ]);
}

function scalingResource(
  application: WantApplication,
  scaling: NonNullable<WantApplication['scaling']>,
): RosResource {
  const metrics: RosValue[] = [
    { MetricType: 'CPU', MetricTargetAverageUtilization: scaling.cpuPercent },
    ...(scaling.tcpConnections === undefined
      ? []
      : [{ MetricType: 'tcpActiveConn', MetricTargetAverageUtilization: scaling.tcpConnections }]),
  ];
  return {
    Type: 'ALIYUN::SAE::ApplicationScalingRule',
    Properties: {
      AppId: getAtt(applicationId(application.service), 'AppId'),
      ScalingRuleName: `${application.name.slice(0, 25)}-load`,
      ScalingRuleType: 'metric',
      ScalingRuleEnable: true,
      MinReadyInstances: -1,
      ScalingRuleMetric: {
        MinReplicas: scaling.minReplicas,
        MaxReplicas: scaling.maxReplicas,
        Metrics: metrics,
        ScaleUpRules: { Step: '100', Disabled: false, StabilizationWindowSeconds: 0 },
        // Streams last minutes; an instance leaves only after five quiet ones.
        ScaleDownRules: { Step: '1', Disabled: false, StabilizationWindowSeconds: 300 },
      },
    },
  };
}

function edgeResources({ want }: Promotion): Resources {
  const edge = want.edge;
  if (edge === undefined || !want.applications.some(({ service }) => service === edge.service)) return {};
  return {
    LoadBalancer: {
      Type: 'ALIYUN::SLB::LoadBalancer',
      Properties: {
        LoadBalancerName: ref('ALIYUN::StackName'),
        LoadBalancerSpec: 'slb.s2.medium',
        AddressType: 'internet',
      },
    },
    EdgeBinding: {
      Type: 'ALIYUN::SAE::SlbBinding',
      Properties: {
        AppId: getAtt(applicationId(edge.service), 'AppId'),
        InternetSlbId: getAtt('LoadBalancer', 'LoadBalancerId'),
        // TCP: an HTTP listener would end streams after its request timeout.
        Internet: JSON.stringify([{ port: 80, targetPort: edge.port, protocol: 'TCP' }]),
      },
    },
  };
}
