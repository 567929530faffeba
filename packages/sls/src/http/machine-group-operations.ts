import { slsErrors } from '@sampan/sls-wire';
import { logtailConfigs, machineGroups, pipelineConfigs } from '../resources/collection-kinds.ts';
import type { ResourceKind, StoredResource } from '../resources/resource-kind.ts';
import type { Call, Operation } from './operation.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';
import { type Entries, entriesOf, requireEntry, resourceOperations } from './resource-operations.ts';

function groupOf(call: Call): [Entries, StoredResource] {
  const entries = entriesOf(call, machineGroups);
  return [entries, requireEntry(entries, machineGroups, call.path['owner'] ?? '')];
}

/** Logtail and pipeline configurations are applied under the same names. */
function requireConfig(call: Call): string {
  const name = call.path['config'] ?? '';
  const pipelines = entriesOf(call, pipelineConfigs);
  if (pipelines.table.get(pipelines.place, name) === undefined) {
    requireEntry(entriesOf(call, logtailConfigs), logtailConfigs, name);
  }
  return name;
}

function changeGroup(call: Call, edit: (group: StoredResource) => StoredResource): Promise<Reply> {
  return call.backend.resources.exclusive(async () => {
    const [entries, group] = groupOf(call);
    await entries.table.put(entries.place, edit(group));
    return emptyReply;
  });
}

export const applyConfig: Operation = {
  name: 'ApplyConfigToMachineGroup',
  run: (call) =>
    changeGroup(call, (group) => {
      const config = requireConfig(call);
      return { ...group, links: [...new Set([...group.links, config])] };
    }),
};

export const removeConfig: Operation = {
  name: 'RemoveConfigFromMachineGroup',
  run: (call) =>
    changeGroup(call, (group) => {
      const config = requireConfig(call);
      return { ...group, links: group.links.filter((each) => each !== config) };
    }),
};

export const getAppliedConfigs: Operation = {
  name: 'GetAppliedConfigs',
  run(call) {
    const [, { links }] = groupOf(call);
    return jsonReply({ count: links.length, configs: links });
  },
};

export const getAppliedMachineGroups: Operation = {
  name: 'GetAppliedMachineGroups',
  run(call) {
    const config = requireConfig(call);
    const { table, place } = entriesOf(call, machineGroups);
    const groups = table.list(place).filter(({ links }) => links.includes(config));
    return jsonReply({ count: groups.length, machinegroups: groups.map(({ name }) => name) });
  },
};

/** Machines appear here when their agent reports; no agent reports to the emulator. */
export const listMachines: Operation = {
  name: 'ListMachines',
  run(call) {
    groupOf(call);
    return jsonReply({ total: 0, count: 0, machines: [] });
  },
};

/** `PUT …/machines?action=add|delete` with the list of machines as body. */
export const updateMachines: Operation = {
  name: 'UpdateMachineGroupMachine',
  run: (call) =>
    changeGroup(call, (group) => {
      const named = machinesIn(call.request.body);
      const before = Array.isArray(group.body['machineList']) ? (group.body['machineList'] as string[]) : [];
      const isAdding = call.request.query.some(([name, value]) => name === 'action' && value === 'add');
      const machineList = isAdding
        ? [...new Set([...before, ...named])]
        : before.filter((machine) => !named.includes(machine));
      return { ...group, body: { ...group.body, machineList } };
    }),
};

const machinesMax = 10_000;

function machinesIn(body: Buffer): string[] {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw slsErrors.postBodyNotJson();
  }
  if (!Array.isArray(json) || json.length > machinesMax || json.some((each) => typeof each !== 'string')) {
    throw slsErrors.parameterInvalid('The body must be an array of machine identifiers');
  }
  return json as string[];
}

/** Deleting a configuration takes it off the groups it was applied to. */
export function configOperations(kind: ResourceKind): ReturnType<typeof resourceOperations> {
  const operations = resourceOperations(kind);
  return {
    ...operations,
    remove: {
      ...operations.remove,
      async run(call) {
        await detach(call, kind);
        return operations.remove.run(call);
      },
    },
  };
}

function detach(call: Call, kind: ResourceKind): Promise<void> {
  return call.backend.resources.exclusive(async () => {
    const { name } = requireEntry(entriesOf(call, kind), kind, call.path['name'] ?? '');
    const { table, place } = entriesOf(call, machineGroups);
    for (const group of table.list(place).filter(({ links }) => links.includes(name))) {
      await table.put(place, { ...group, links: group.links.filter((each) => each !== name) });
    }
  });
}
