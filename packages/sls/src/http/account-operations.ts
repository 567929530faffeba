import { slsErrors } from '@sampan/sls-wire';
import { type Operation, projectOf } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody } from './request.ts';

/** The one region that the emulator is. */
export const describeRegions: Operation = {
  name: 'DescribeRegions',
  run: ({ backend: { region } }) =>
    jsonReply({
      regions: [
        {
          region,
          localName: region,
          internetEndpoint: `${region}.log.aliyuncs.com`,
          intranetEndpoint: `${region}-intranet.log.aliyuncs.com`,
          dataRedundancyType: ['LRS', 'ZRS'],
        },
      ],
    }),
};

export const getSlsService: Operation = {
  name: 'GetSlsService',
  run: () => jsonReply({ enabled: true, status: 'Opened' }),
};

export const openSlsService: Operation = {
  name: 'OpenSlsService',
  run: () => emptyReply,
};

/** `PUT /resourcegroup`: the project is named by the body. */
export const changeResourceGroup: Operation = {
  name: 'ChangeResourceGroup',
  async run(call) {
    const { resourceId, resourceGroupId, resourceType } = jsonBody(call.request);
    if (typeof resourceGroupId !== 'string') {
      throw slsErrors.parameterInvalid('The parameter resourceGroupId is required');
    }
    if (resourceType !== undefined && !/^project$/i.test(String(resourceType))) {
      throw slsErrors.parameterInvalid(`resourceType ${String(resourceType)} is invalid`);
    }
    const name = typeof resourceId === 'string' && resourceId !== '' ? resourceId : projectOf(call);
    await call.backend.catalog.updateProject(name, { resourceGroupId });
    return emptyReply;
  },
};

/** The documented answer of a list call whose kind cannot exist here. */
export function emptyList(name: string, field: string): Operation {
  return {
    name,
    run(call) {
      projectOf(call);
      return jsonReply({ total: 0, count: 0, [field]: [] });
    },
  };
}
