import { slsErrors } from '@sampan/sls-wire';
import { type Project, parseProjectInput } from '../catalog/project.ts';
import { type Backend, type Operation, projectOf } from './operation.ts';
import { emptyReply, jsonReply } from './reply.ts';
import { jsonBody, pageOf, parameter } from './request.ts';

export const createProject: Operation = {
  name: 'CreateProject',
  async run({ backend, request }) {
    // The body names the project: some clients send this to the project's host, others to the bare one.
    await backend.catalog.createProject(parseProjectInput(jsonBody(request)));
    return emptyReply;
  },
};

/** `GET /` is GetProject on a project's host and ListProject on the bare one. */
export const getOrListProject: Operation = {
  name: 'GetProject',
  run(call) {
    if (call.request.project === undefined) return listProject.run(call);
    const project = call.backend.catalog.requireProject(projectOf(call));
    return jsonReply(projectJson(project, call.backend));
  },
};

export const listProject: Operation = {
  name: 'ListProject',
  run({ backend, request }) {
    const { offset, size } = pageOf(request);
    const wanted = parameter(request, 'projectName') ?? parameter(request, 'searchText') ?? '';
    const group = parameter(request, 'resourceGroupId');
    const found = backend.catalog
      .projects()
      .filter((project) => project.projectName.includes(wanted))
      .filter((project) => group === undefined || project.resourceGroupId === group);
    const page = found.slice(offset, offset + size);
    return jsonReply({
      count: page.length,
      total: found.length,
      projects: page.map((project) => projectJson(project, backend)),
    });
  },
};

export const updateProject: Operation = {
  name: 'UpdateProject',
  async run(call) {
    const name = projectOf(call);
    const { description } = jsonBody(call.request);
    if (description !== undefined && typeof description !== 'string') {
      throw slsErrors.parameterInvalid('The body is not valid: description');
    }
    await call.backend.catalog.updateProject(name, { description });
    return emptyReply;
  },
};

export const deleteProject: Operation = {
  name: 'DeleteProject',
  async run(call) {
    await call.backend.catalog.deleteProject(projectOf(call));
    return emptyReply;
  },
};

/** Clients decode the times of a project, and only of a project, as texts. */
function projectJson(project: Project, backend: Backend): Record<string, unknown> {
  return {
    projectName: project.projectName,
    status: 'Normal',
    description: project.description,
    region: backend.region,
    location: backend.region,
    internetEndpoint: `${backend.region}.log.aliyuncs.com`,
    internalEndpoint: `${backend.region}-intranet.log.aliyuncs.com`,
    owner: '',
    createTime: String(project.createTime),
    lastModifyTime: String(project.lastModifyTime),
    dataRedundancyType: project.dataRedundancyType,
    resourceGroupId: project.resourceGroupId,
    recycleBinEnabled: project.recycleBinEnabled,
  };
}
