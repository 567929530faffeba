import type { Promotion } from '../mapping/want.ts';
import type { NetworkNames, Resources } from './network.ts';
import { getAtt, logicalId, type RosValue, ref, substitute } from './ros.ts';

/** Logstore that collects the standard output of all applications. */
export const stdoutLogstore = 'stdout';

/** Managed data stores, file systems, log project and the key with which Dify reaches SLS and Tablestore. */
export function storeResources(promotion: Promotion, network: NetworkNames): Resources {
  return {
    ...databaseResources(promotion, network),
    ...redisResources(promotion, network),
    ...vectorResources(promotion, network),
    ...logResources(promotion),
    ...accessResources(promotion),
    ...nasResources(promotion, network),
  };
}

function databaseResources({ want, targetName }: Promotion, network: NetworkNames): Resources {
  const database = want.database;
  if (database === undefined) return {};
  const resources: Resources = {
    Database: {
      Type: 'ALIYUN::RDS::DBInstance',
      Properties: {
        DBInstanceDescription: `${want.prefix}-${targetName}`,
        Engine: 'PostgreSQL',
        EngineVersion: database.engineVersion,
        Category: 'HighAvailability',
        DBInstanceClass: ref('DatabaseClass'),
        DBInstanceStorage: ref('DatabaseStorage'),
        DBInstanceStorageType: 'cloud_essd',
        ZoneId: ref('ZoneId1'),
        SlaveZoneIds: [ref('ZoneId2')],
        VpcId: network.vpc,
        VSwitchId: network.vSwitch1,
        SecurityIPList: network.cidr,
        MasterUserType: 'Super',
        MasterUsername: ref('DatabaseUser'),
        MasterUserPassword: ref('DatabasePassword'),
      },
    },
  };
  let previous = 'Database';
  for (const name of database.databases) {
    const id = `Database${logicalId(name)}`;
    // RDS makes one database at a time.
    resources[id] = {
      Type: 'ALIYUN::RDS::Database',
      DependsOn: [previous],
      Properties: {
        DBInstanceId: getAtt('Database', 'DBInstanceId'),
        DBName: name,
        CharacterSetName: 'UTF8',
      },
    };
    previous = id;
  }
  return resources;
}

function redisResources({ want, targetName }: Promotion, network: NetworkNames): Resources {
  if (want.redis === undefined) return {};
  return {
    Redis: {
      Type: 'ALIYUN::REDIS::Instance',
      Properties: {
        InstanceName: `${want.prefix}-${targetName}`,
        InstanceClass: ref('RedisClass'),
        EngineVersion: '6.0',
        // Celery's queue lives here; an eviction would lose tasks.
        EvictionPolicy: 'noeviction',
        ZoneId: ref('ZoneId1'),
        SecondaryZoneId: ref('ZoneId2'),
        VpcId: network.vpc,
        VSwitchId: network.vSwitch1,
        Password: ref('RedisPassword'),
      },
    },
    RedisWhitelist: {
      Type: 'ALIYUN::REDIS::Whitelist',
      Properties: { InstanceId: ref('Redis'), SecurityIps: network.cidr },
    },
  };
}

function vectorResources({ want }: Promotion, network: NetworkNames): Resources {
  if (!want.usesTablestore) return {};
  return {
    VectorStore: {
      Type: 'ALIYUN::OTS::Instance',
      Properties: {
        InstanceName: ref('VectorStoreName'),
        ClusterType: 'SSD',
        Network: 'NORMAL',
        Description: `Vectors of ${want.prefix}`,
      },
    },
    VectorStoreBinding: {
      Type: 'ALIYUN::OTS::VpcBinder',
      DependsOn: ['VectorStore'],
      Properties: {
        InstanceName: ref('VectorStoreName'),
        VpcInfos: [
          {
            VpcId: network.vpc,
            VSwitchId: network.vSwitch1,
            InstanceVpcName: `${want.prefix.slice(0, 10)}-vpc`,
          },
        ],
      },
    },
  };
}

function logResources({ want, targetName }: Promotion): Resources {
  if (!want.collectsLogs) return {};
  const logstore = (name: string, ttlDays: number, shards: number): Resources[string] => ({
    Type: 'ALIYUN::SLS::Logstore',
    Properties: {
      ProjectName: getAtt('LogProject', 'Name'),
      LogstoreName: name,
      ShardCount: shards,
      AutoSplit: true,
      MaxSplitShard: 64,
      // 3650 days mean for ever in SLS; ROS has a switch of its own for that.
      ...(ttlDays >= 3650 ? { PreserveStorage: true } : { TTL: ttlDays }),
    },
  });
  const resources: Resources = {
    LogProject: {
      Type: 'ALIYUN::SLS::Project',
      Properties: { Name: ref('LogProjectName'), Description: `${want.prefix} ${targetName}` },
    },
    LogstoreStdout: logstore(stdoutLogstore, 30, 2),
    LogIndexStdout: {
      Type: 'ALIYUN::SLS::Index',
      DependsOn: ['LogstoreStdout'],
      Properties: {
        ProjectName: getAtt('LogProject', 'Name'),
        LogstoreName: stdoutLogstore,
        FullTextIndex: { Enable: true, CaseSensitive: false, IncludeChinese: true },
      },
    },
  };
  // Dify makes the indexes of its own logstores: the ROS type knows no scan_index, and an index without it would keep
  // Dify off the PostgreSQL protocol of SLS for good.
  for (const { name, ttlDays, shards } of want.logstores) {
    resources[`Logstore${logicalId(name)}`] = logstore(name, ttlDays, shards);
  }
  return resources;
}

/** One RAM user whose rights end at this environment's log project and vector store. */
function accessResources({ want, targetName }: Promotion): Resources {
  if (!want.usesSls && !want.usesTablestore) return {};
  const statements: RosValue[] = [];
  const project = { name: 'LogProject', value: getAtt('LogProject', 'Name') };
  if (want.usesSls) {
    statements.push({
      Effect: 'Allow',
      Action: ['log:*'],
      Resource: [
        substitute(['acs:log:*:*:project/', project]),
        substitute(['acs:log:*:*:project/', project, '/*']),
      ],
    });
  }
  if (want.usesTablestore) {
    const store = { name: 'VectorStore', value: ref('VectorStoreName') };
    statements.push({
      Effect: 'Allow',
      Action: ['ots:*'],
      Resource: [
        substitute(['acs:ots:*:*:instance/', store]),
        substitute(['acs:ots:*:*:instance/', store, '/*']),
      ],
    });
  }
  const name = `${want.prefix}-${targetName}`;
  return {
    AppUser: {
      Type: 'ALIYUN::RAM::User',
      Properties: {
        UserName: substitute([`${name}-`, { name: 'Stack', value: ref('ALIYUN::StackId') }]),
        Policies: [
          {
            PolicyName: substitute([`${name}-`, { name: 'Stack', value: ref('ALIYUN::StackId') }]),
            PolicyDocument: { Version: '1', Statement: statements },
          },
        ],
      },
    },
    AppAccessKey: {
      Type: 'ALIYUN::RAM::AccessKey',
      Properties: { UserName: getAtt('AppUser', 'UserName') },
    },
  };
}

/** Logical id of the file system of a volume, whatever the volume is called. */
export const nasId = (volume: string): string => `Nas${logicalId(volume)}`;

function nasResources({ want }: Promotion, network: NetworkNames): Resources {
  const resources: Resources = {};
  for (const volume of want.volumes) {
    resources[nasId(volume)] = {
      Type: 'ALIYUN::NAS::FileSystem',
      Properties: {
        ProtocolType: 'NFS',
        FileSystemType: 'standard',
        StorageType: 'Performance',
        // A stack that is deleted by mistake must not take the files with it.
        DeletionForce: false,
        Description: `${want.prefix} ${volume}`.slice(0, 128),
      },
    };
    resources[`${nasId(volume)}Mount`] = {
      Type: 'ALIYUN::NAS::MountTarget',
      Properties: {
        FileSystemId: ref(nasId(volume)),
        NetworkType: 'Vpc',
        AccessGroupName: 'DEFAULT_VPC_GROUP_NAME',
        VpcId: network.vpc,
        VSwitchId: network.vSwitch1,
      },
    };
  }
  return resources;
}
