import { passwordPattern, type SecretSlot } from '../mapping/vault.ts';
import type { Promotion } from '../mapping/want.ts';
import type { RosParameter, RosValue } from './ros.ts';

/** A parameter of the template with the value this promotion gives it. */
export interface TemplateParameter {
  readonly name: string;
  readonly definition: RosParameter;
  /** `undefined`: a secret, or a choice that is left to the deployment. */
  readonly value: string | undefined;
  readonly group: ParameterGroup;
  readonly isSecret: boolean;
}

export type ParameterGroup = 'network' | 'sae' | 'database' | 'redis' | 'vector' | 'logs' | 'secrets';

const groupLabels: Readonly<Record<ParameterGroup, RosValue>> = {
  network: { en: 'Network', 'zh-cn': '网络' },
  sae: { en: 'Serverless App Engine', 'zh-cn': 'Serverless 应用引擎 SAE' },
  database: { en: 'RDS for PostgreSQL', 'zh-cn': '云数据库 RDS PostgreSQL' },
  redis: { en: 'Tair (Redis)', 'zh-cn': '云数据库 Tair（兼容 Redis）' },
  vector: { en: 'Tablestore', 'zh-cn': '表格存储' },
  logs: { en: 'Log Service', 'zh-cn': '日志服务 SLS' },
  secrets: { en: 'Secrets', 'zh-cn': '密钥' },
};

/** Names that must be unique beyond this account get the environment's id as their end. */
export interface ParameterOptions {
  readonly environmentId: string;
  readonly slots: readonly SecretSlot[];
}

/** Every parameter of the template, in the order of the form. */
export function templateParameters(promotion: Promotion, options: ParameterOptions): TemplateParameter[] {
  return [
    ...networkParameters(promotion),
    text('NamespaceName', 'sae', promotion.target.namespace, {
      Label: label('Namespace', '命名空间'),
      Description: 'Short id of the SAE namespace: lower-case letters and digits.',
      AllowedPattern: '^[a-z0-9]{1,20}$',
    }),
    text('ClientCidr', 'sae', '0.0.0.0/0', {
      Label: label('Clients', '客户端网段'),
      Description: 'Addresses that may reach the port of the edge application.',
      Default: '0.0.0.0/0',
    }),
    ...databaseParameters(promotion),
    ...storeParameters(promotion, options.environmentId),
    ...options.slots.map(secretParameter),
  ];
}

const label = (english: string, chinese: string): RosValue => ({ en: english, 'zh-cn': chinese });

function text(
  name: string,
  group: ParameterGroup,
  value: string | undefined,
  attributes: Readonly<Record<string, RosValue>>,
): TemplateParameter {
  return { name, group, value, isSecret: false, definition: { Type: 'String', ...attributes } };
}

function networkParameters({ target }: Promotion): TemplateParameter[] {
  const { vpcId, vSwitchIds = [] } = target.network;
  const zone = (at: number): TemplateParameter =>
    text(`ZoneId${at}`, 'network', target.zones[at - 1], {
      Label: label(`Zone ${at}`, `可用区${at}`),
      AssociationProperty: 'ALIYUN::ECS::Instance::ZoneId',
      AssociationPropertyMetadata: { ExclusiveTo: [`ZoneId${3 - at}`] },
    });
  if (vpcId === undefined) return [zone(1), zone(2)];
  const vSwitch = (at: number): TemplateParameter =>
    text(`VSwitchId${at}`, 'network', vSwitchIds[at - 1] ?? vSwitchIds[0], {
      Label: label(`vSwitch ${at}`, `交换机${at}`),
      AssociationProperty: 'ALIYUN::VPC::VSwitch::VSwitchId',
      AssociationPropertyMetadata: { VpcId: `\${VpcId}` },
    });
  return [
    text('VpcId', 'network', vpcId, {
      Label: label('VPC', '专有网络'),
      AssociationProperty: 'ALIYUN::VPC::VPC::VPCId',
    }),
    vSwitch(1),
    vSwitch(2),
    zone(1),
    zone(2),
  ];
}

function databaseParameters({ want }: Promotion): TemplateParameter[] {
  if (want.database === undefined) return [];
  return [
    text('DatabaseClass', 'database', want.database.class, {
      Label: label('Instance class', '实例规格'),
      AssociationProperty: 'ALIYUN::RDS::Instance::InstanceType',
      AssociationPropertyMetadata: {
        ZoneId: `\${ZoneId1}`,
        Engine: 'PostgreSQL',
        EngineVersion: want.database.engineVersion,
        Category: 'HighAvailability',
        InstanceChargeType: 'Postpaid',
        DBInstanceStorageType: 'cloud_essd',
      },
      Default: want.database.class,
    }),
    {
      name: 'DatabaseStorage',
      group: 'database',
      value: String(want.database.storageGb),
      isSecret: false,
      definition: {
        Type: 'Number',
        Label: label('Disk in GB', '存储空间（GB）'),
        MinValue: 20,
        MaxValue: 32_000,
        Default: want.database.storageGb,
      },
    },
    text('DatabaseUser', 'database', databaseUser(want.prefix), {
      Label: label('Account', '数据库账号'),
      Description: 'Account that owns the databases. RDS reserves names such as postgres, root and admin.',
      AllowedPattern: '^[a-z][a-z0-9_]{0,30}[a-z0-9]$',
    }),
  ];
}

/** RDS refuses many plain words; a suffix keeps clear of them. */
const databaseUser = (prefix: string): string => `${prefix.replaceAll('-', '_').slice(0, 20)}_owner`;

function storeParameters({ want, target, targetName }: Promotion, id: string): TemplateParameter[] {
  const parameters: TemplateParameter[] = [];
  if (want.redis !== undefined) {
    parameters.push(
      text('RedisClass', 'redis', want.redis.class, {
        Label: label('Instance class', '实例规格'),
        AssociationProperty: 'ALIYUN::REDIS::Instance::InstanceClass',
        AssociationPropertyMetadata: { ZoneId: `\${ZoneId1}` },
        Default: want.redis.class,
      }),
    );
  }
  if (want.usesTablestore) {
    const name = `${target.namespace.replace(/^\d/, 'n').slice(0, 9)}-${id}`;
    parameters.push(
      text('VectorStoreName', 'vector', name, {
        Label: label('Instance name', '实例名称'),
        Description: '3 to 16 letters, digits and hyphens, unique in the region.',
        AllowedPattern: '^[a-zA-Z][a-zA-Z0-9-]{1,14}[a-zA-Z0-9]$',
      }),
    );
  }
  if (want.collectsLogs) {
    parameters.push(
      text('LogProjectName', 'logs', `${want.prefix}-${targetName}-${id}`.slice(0, 63), {
        Label: label('Project name', '项目名称'),
        Description: '3 to 63 lower-case letters, digits and hyphens, unique in the region.',
        AllowedPattern: '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$',
      }),
    );
  }
  return parameters;
}

function secretParameter(slot: SecretSlot): TemplateParameter {
  const rules: Readonly<Record<string, RosValue>> =
    slot.kind === 'password' ? { AllowedPattern: passwordPattern, MinLength: 8, MaxLength: 32 } : {};
  return {
    name: slot.name,
    group: 'secrets',
    value: undefined,
    isSecret: true,
    definition: { Type: 'String', NoEcho: true, Description: `${slot.description}.`, ...rules },
  };
}

/** `ALIYUN::ROS::Interface`: how the console's form groups the parameters, and the order of outputs. */
export function interfaceMetadata(
  parameters: readonly TemplateParameter[],
  outputs: readonly string[],
): RosValue {
  const groups = (Object.keys(groupLabels) as ParameterGroup[]).flatMap((group) => {
    const names = parameters.filter((parameter) => parameter.group === group).map(({ name }) => name);
    return names.length === 0 ? [] : [{ Parameters: names, Label: { default: groupLabels[group] } }];
  });
  return { 'ALIYUN::ROS::Interface': { ParameterGroups: groups, Outputs: [...outputs] } };
}
