import { stringify } from 'yaml';
import type { Promotion } from '../mapping/want.ts';
import { applicationResources } from './applications.ts';
import { networkResources, type Resources } from './network.ts';
import {
  interfaceMetadata,
  type ParameterOptions,
  type TemplateParameter,
  templateParameters,
} from './parameters.ts';
import { getAtt, type RosTemplate, type RosValue, substitute } from './ros.ts';
import { storeResources } from './stores.ts';

/** Limits of ROS on a template body. */
export const templateLimits = { bytes: 524_288, parameters: 200 } as const;

export interface EmittedTemplate {
  readonly template: RosTemplate;
  readonly parameters: readonly TemplateParameter[];
}

/** Writes the wanted state as a ROS template. The same state gives the same template, byte for byte. */
export function emitTemplate(promotion: Promotion, options: ParameterOptions): EmittedTemplate {
  const parameters = templateParameters(promotion, options);
  const { resources: network, names } = networkResources(promotion);
  const resources: Resources = {
    ...network,
    ...storeResources(promotion, names),
    ...applicationResources(promotion, names),
  };
  const outputs = outputsOf(resources);
  const { want, targetName, target } = promotion;
  return {
    parameters,
    template: {
      ROSTemplateFormatVersion: '2015-09-01',
      Description: {
        en: `${want.prefix} on Serverless App Engine: target ${targetName}, edition ${target.edition}.`,
        'zh-cn': `通过 Serverless 应用引擎部署 ${want.prefix}：环境 ${targetName}，版本 ${target.edition}。`,
      },
      Parameters: Object.fromEntries(parameters.map(({ name, definition }) => [name, definition])),
      Resources: resources,
      Outputs: outputs,
      Metadata: interfaceMetadata(parameters, Object.keys(outputs)),
    },
  };
}

interface Output {
  readonly resource: string;
  readonly english: string;
  readonly chinese: string;
  readonly value: RosValue;
}

/** Addresses and names an operator asks for first. No output holds a secret. */
function outputsOf(resources: Resources): Record<string, RosValue> {
  const address = { name: 'Address', value: getAtt('LoadBalancer', 'IpAddress') };
  const candidates: Readonly<Record<string, Output>> = {
    Address: {
      resource: 'EdgeBinding',
      english: 'Address of the application',
      chinese: '访问地址',
      value: substitute(['http://', address]),
    },
    NamespaceId: {
      resource: 'Namespace',
      english: 'SAE namespace',
      chinese: '命名空间',
      value: getAtt('Namespace', 'NamespaceId'),
    },
    DatabaseHost: {
      resource: 'Database',
      english: 'Internal address of PostgreSQL',
      chinese: 'PostgreSQL 内网地址',
      value: getAtt('Database', 'InnerConnectionString'),
    },
    RedisHost: {
      resource: 'Redis',
      english: 'Internal address of Redis',
      chinese: 'Redis 内网地址',
      value: getAtt('Redis', 'ConnectionDomain'),
    },
    LogProject: {
      resource: 'LogProject',
      english: 'SLS project',
      chinese: '日志项目',
      value: getAtt('LogProject', 'Name'),
    },
    VectorStoreEndpoint: {
      resource: 'VectorStore',
      english: 'Tablestore endpoint inside the VPC',
      chinese: '表格存储专有网络地址',
      value: getAtt('VectorStore', 'VpcEndpoint'),
    },
  };
  const outputs: Record<string, RosValue> = {};
  for (const [name, output] of Object.entries(candidates)) {
    if (resources[output.resource] === undefined) continue;
    const label = { en: output.english, 'zh-cn': output.chinese };
    outputs[name] = { Label: label, Description: label, Value: output.value };
  }
  return outputs;
}

/** The template as YAML. YAML 1.1 rules decide what is quoted, because ROS reads with them. */
export function templateText(template: RosTemplate): string {
  return stringify(template, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
