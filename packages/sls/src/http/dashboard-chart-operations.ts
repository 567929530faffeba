import { slsErrors } from '@sampan/sls-wire';
import type { JsonObject } from '../resources/resource-kind.ts';
import { chartErrors, dashboards } from '../resources/search-kinds.ts';
import type { Call, Operation } from './operation.ts';
import { emptyReply, jsonReply, type Reply } from './reply.ts';
import { jsonBody } from './request.ts';
import { entriesOf, requireEntry, resourceBytesMax } from './resource-operations.ts';

/** Charts are parts of their dashboard, known by their titles. */
function chartsOf(call: Call): JsonObject[] {
  const { body } = requireEntry(entriesOf(call, dashboards), dashboards, call.path['owner'] ?? '');
  return Array.isArray(body['charts']) ? (body['charts'] as JsonObject[]) : [];
}

function change(call: Call, edit: (charts: JsonObject[]) => JsonObject[]): Promise<Reply> {
  return call.backend.resources.exclusive(async () => {
    const entries = entriesOf(call, dashboards);
    const charts = edit(chartsOf(call));
    const dashboard = requireEntry(entries, dashboards, call.path['owner'] ?? '');
    const body = { ...dashboard.body, charts };
    const bytes = Buffer.byteLength(JSON.stringify(body));
    if (bytes > resourceBytesMax) throw slsErrors.postBodyTooLarge(bytes, resourceBytesMax);
    await entries.table.put(entries.place, { ...dashboard, body, lastModifyTime: entries.now });
    return emptyReply;
  });
}

function titleOf(chart: JsonObject): string {
  const title = chart['title'] ?? chart['chartName'];
  if (typeof title !== 'string' || title === '') {
    throw slsErrors.parameterInvalid('The parameter title is required');
  }
  return title;
}

function has(charts: readonly JsonObject[], title: string): boolean {
  return charts.some((chart) => titleOf(chart) === title);
}

export const createChart: Operation = {
  name: 'CreateChart',
  run: (call) =>
    change(call, (charts) => {
      const chart = jsonBody(call.request);
      const title = titleOf(chart);
      if (has(charts, title)) throw chartErrors.alreadyExist(title);
      return [...charts, chart];
    }),
};

/** The body names the chart, or the path does. */
export const updateChart: Operation = {
  name: 'UpdateChart',
  run: (call) =>
    change(call, (charts) => {
      const chart = jsonBody(call.request);
      const title = call.path['name'] ?? titleOf(chart);
      if (!has(charts, title)) throw chartErrors.notExist(title);
      return charts.map((each) => (titleOf(each) === title ? chart : each));
    }),
};

export const getChart: Operation = {
  name: 'GetChart',
  run(call) {
    const title = call.path['name'] ?? '';
    const chart = chartsOf(call).find((each) => titleOf(each) === title);
    if (chart === undefined) throw chartErrors.notExist(title);
    return jsonReply(chart);
  },
};

export const deleteChart: Operation = {
  name: 'DeleteChart',
  run: (call) =>
    change(call, (charts) => {
      const title = call.path['name'] ?? '';
      if (!has(charts, title)) throw chartErrors.notExist(title);
      return charts.filter((each) => titleOf(each) !== title);
    }),
};
