import type { PromotionState } from './state.ts';

/** The vendor's words for what a preview says about a resource (ROS PreviewStack). */
export type PlanAction = 'Add' | 'Modify' | 'Remove' | 'None';
export type Replacement = 'True' | 'False' | 'Conditional';

export interface PlanStep {
  readonly logicalId: string;
  readonly type: string;
  readonly action: PlanAction;
  readonly replacement: Replacement;
  /** Properties that differ. */
  readonly properties: readonly string[];
}

/** Properties whose change makes ROS delete the resource and make a new one. */
const createOnly: Readonly<Record<string, readonly string[]>> = {
  'ALIYUN::ECS::VPC': ['CidrBlock'],
  'ALIYUN::ECS::VSwitch': ['VpcId', 'CidrBlock', 'ZoneId'],
  'ALIYUN::ECS::SecurityGroup': ['VpcId'],
  'ALIYUN::RDS::Database': ['DBInstanceId', 'DBName', 'CharacterSetName'],
  'ALIYUN::RDS::DBInstance': ['Engine', 'ZoneId', 'VpcId', 'MasterUsername'],
  'ALIYUN::REDIS::Instance': ['ZoneId', 'VpcId'],
  'ALIYUN::OTS::Instance': ['InstanceName', 'ClusterType'],
  'ALIYUN::SLS::Project': ['Name'],
  'ALIYUN::SLS::Logstore': ['LogstoreName', 'ProjectName', 'ShardCount'],
  'ALIYUN::SLS::Index': ['LogstoreName', 'ProjectName'],
  'ALIYUN::NAS::FileSystem': ['ProtocolType', 'StorageType', 'FileSystemType'],
  'ALIYUN::NAS::MountTarget': ['FileSystemId', 'VpcId', 'VSwitchId'],
  'ALIYUN::SAE::Namespace': ['NamespaceId'],
  'ALIYUN::SAE::ConfigMap': ['NamespaceId', 'Name'],
  'ALIYUN::SAE::Secret': ['NamespaceId', 'SecretName'],
  'ALIYUN::SAE::Application': ['AppName', 'NamespaceId', 'VpcId', 'PackageType'],
  'ALIYUN::SAE::ApplicationScalingRule': ['AppId', 'ScalingRuleName', 'ScalingRuleType', 'ScalingRuleMetric'],
};

/** Types whose every property may be changed in place. */
const inPlace = new Set(['ALIYUN::SAE::SlbBinding', 'ALIYUN::REDIS::Whitelist']);

export interface PlanSides {
  readonly want: PromotionState;
  /** `undefined`: nothing exists yet. */
  readonly have: PromotionState | undefined;
}

/** Compares what shall be with what is, resource by resource: added and kept ones in template order, then removed ones. */
export function planSteps({ want, have }: PlanSides): PlanStep[] {
  const steps = Object.entries(want.resources).map(([logicalId, resource]): PlanStep => {
    const existing = have?.resources[logicalId];
    if (existing === undefined || existing.type !== resource.type) {
      return {
        logicalId,
        type: resource.type,
        action: 'Add',
        replacement: existing === undefined ? 'False' : 'True',
        properties: [],
      };
    }
    const names = new Set([...Object.keys(resource.properties), ...Object.keys(existing.properties)]);
    const properties = [...names]
      .filter((name) => resource.properties[name] !== existing.properties[name])
      .sort();
    return {
      logicalId,
      type: resource.type,
      action: properties.length === 0 ? 'None' : 'Modify',
      replacement: replacementOf(resource.type, properties),
      properties,
    };
  });
  const removed = Object.entries(have?.resources ?? {})
    .filter(([logicalId]) => want.resources[logicalId] === undefined)
    .map(
      ([logicalId, { type }]): PlanStep => ({
        logicalId,
        type,
        action: 'Remove',
        replacement: 'False',
        properties: [],
      }),
    );
  return [...steps, ...removed];
}

function replacementOf(type: string, properties: readonly string[]): Replacement {
  if (properties.length === 0 || inPlace.has(type)) return 'False';
  const fixed = createOnly[type];
  // Types this table does not know may replace or not; ROS decides.
  if (fixed === undefined) return 'Conditional';
  return properties.some((property) => fixed.includes(property)) ? 'True' : 'False';
}
