import type { NumberSource, PlanNumber } from './plan.ts';

type Inputs = PlanNumber['inputs'];

/** Collects the numbers of one plan in the order in which they are worked out. */
export interface Sheet {
  readonly numbers: readonly PlanNumber[];
  /** A number worked out from others. */
  derive(key: string, unit: string, formula: string, inputs: Inputs, value: number): number;
  /** A number looked up on a vendor's page; `formula` says where. */
  publish(key: string, unit: string, formula: string, value: number): number;
  /** The file's number if there is one, else what `otherwise` works out. */
  choose(key: string, unit: string, configured: number | undefined, otherwise: () => number): number;
}

/** Creates an empty sheet. A key is written once; a second one is a defect of the planner. */
export function createSheet(): Sheet {
  const numbers: PlanNumber[] = [];
  function add(source: NumberSource, number: Omit<PlanNumber, 'source'>): number {
    if (numbers.some(({ key }) => key === number.key))
      throw new Error(`the plan has two numbers ${number.key}`);
    numbers.push({ ...number, source });
    return number.value;
  }
  return {
    numbers,
    derive: (key, unit, formula, inputs, value) => add('derived', { key, unit, formula, inputs, value }),
    publish: (key, unit, formula, value) => add('published', { key, unit, formula, inputs: {}, value }),
    choose(key, unit, configured, otherwise) {
      if (configured === undefined) return otherwise();
      return add('configured', { key, unit, formula: 'as configured', inputs: {}, value: configured });
    },
  };
}
