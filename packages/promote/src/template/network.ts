import type { Promotion } from '../mapping/want.ts';
import { getAtt, type RosResource, type RosValue, ref } from './ros.ts';

export type Resources = Record<string, RosResource>;

/** How other resources name the network, whether it is new or exists already. */
export interface NetworkNames {
  readonly vpc: RosValue;
  readonly vSwitch1: RosValue;
  readonly vSwitch2: RosValue;
  readonly cidr: string;
  /** What must be there before an instance can pull an image from the internet. */
  readonly readyAfter: readonly string[];
}

/** VPC, vSwitches in two zones, NAT with its address, security group. Nothing of it when the target names a VPC. */
export function networkResources(promotion: Promotion): { resources: Resources; names: NetworkNames } {
  const { target, want } = promotion;
  const cidr = target.network.cidr;
  const isExisting = target.network.vpcId !== undefined;
  const names: NetworkNames = isExisting
    ? { vpc: ref('VpcId'), vSwitch1: ref('VSwitchId1'), vSwitch2: ref('VSwitchId2'), cidr, readyAfter: [] }
    : {
        vpc: ref('Vpc'),
        vSwitch1: ref('VSwitch1'),
        vSwitch2: ref('VSwitch2'),
        cidr,
        readyAfter: ['SnatEntry'],
      };
  const resources: Resources = isExisting ? {} : newNetwork(promotion);
  resources['SecurityGroup'] = {
    Type: 'ALIYUN::ECS::SecurityGroup',
    Properties: {
      VpcId: names.vpc,
      SecurityGroupName: `${want.prefix}-${promotion.targetName}`,
      SecurityGroupIngress: ingressRules(promotion, cidr),
    },
  };
  return { resources, names };
}

function newNetwork({ want, target, targetName }: Promotion): Resources {
  const name = `${want.prefix}-${targetName}`;
  const [first, second] = subnetsOf(target.network.cidr);
  const vSwitch = (at: number, block: string): RosResource => ({
    Type: 'ALIYUN::ECS::VSwitch',
    Properties: {
      VpcId: ref('Vpc'),
      CidrBlock: block,
      ZoneId: ref(`ZoneId${at}`),
      VSwitchName: `${name}-${at}`,
    },
  });
  return {
    Vpc: {
      Type: 'ALIYUN::ECS::VPC',
      Properties: { CidrBlock: target.network.cidr, VpcName: name },
    },
    VSwitch1: vSwitch(1, first),
    VSwitch2: vSwitch(2, second),
    // Deleting a vSwitch fails while network cards of stopped instances remain in it.
    ReleaseWait: {
      Type: 'ALIYUN::ROS::Sleep',
      DependsOn: ['VSwitch1', 'VSwitch2'],
      Properties: { DeleteDuration: 300 },
    },
    NatGateway: {
      Type: 'ALIYUN::VPC::NatGateway',
      Properties: {
        VpcId: ref('Vpc'),
        VSwitchId: ref('VSwitch1'),
        NatGatewayName: name,
        InternetChargeType: 'PayByLcu',
        EipBindMode: 'NAT',
      },
    },
    NatAddress: {
      Type: 'ALIYUN::VPC::EIP',
      Properties: { Isp: 'BGP', Bandwidth: want.natMbps, InternetChargeType: 'PayByTraffic' },
    },
    NatAddressBinding: {
      Type: 'ALIYUN::VPC::EIPAssociation',
      Properties: { InstanceId: ref('NatGateway'), AllocationId: ref('NatAddress') },
    },
    SnatEntry: {
      Type: 'ALIYUN::VPC::SnatEntry',
      DependsOn: ['NatAddressBinding'],
      Properties: {
        SnatTableId: getAtt('NatGateway', 'SNatTableId'),
        SnatEntryName: name,
        SourceVSwitchIds: [ref('VSwitch1'), ref('VSwitch2')],
        SnatIp: getAtt('NatAddress', 'EipAddress'),
      },
    },
  };
}

/** Two /24 networks of a range; the first two address parts of the range are kept. */
export function subnetsOf(cidr: string): [string, string] {
  const [a = '192', b = '168'] = cidr.split('.');
  return [`${a}.${b}.1.0/24`, `${a}.${b}.2.0/24`];
}

/** Applications reach each other; from outside only the edge's port is open, and only to the named clients. */
function ingressRules({ want }: Promotion, cidr: string): RosValue {
  const ports = [...new Set(want.applications.flatMap((application) => application.ports))].sort(
    (a, b) => a - b,
  );
  const rules: RosValue[] = ports.map((port) => ({
    PortRange: `${port}/${port}`,
    SourceCidrIp: cidr,
    IpProtocol: 'tcp',
  }));
  if (want.edge !== undefined) {
    rules.push({
      PortRange: `${want.edge.port}/${want.edge.port}`,
      SourceCidrIp: ref('ClientCidr'),
      IpProtocol: 'tcp',
    });
  }
  return rules;
}
