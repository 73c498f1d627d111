/** The budget of parsed objects: the oldest go first, none is counted twice. */
import assert from 'node:assert/strict';
import { type Forgetful, ObjectBudget } from './object-budget.ts';

function entries(...sizes: number[]) {
  const forgotten: number[] = [];
  return {
    forgotten,
    all: sizes.map((size, i): Forgetful => ({ size, budgeted: undefined, forgetObject: () => void forgotten.push(i) })),
  };
}

describe('ObjectBudget', () => {
  it('gives up the oldest when there is too much', () => {
    const budget = new ObjectBudget(100);
    const { all, forgotten } = entries(40, 40, 40, 60);
    for (const e of all) budget.add(e);
    assert.deepEqual(forgotten, [0, 1]);
    assert.equal(budget.bytes, 100);
  });

  it('goes on where something was taken out of the row', () => {
    const budget = new ObjectBudget(100);
    const { all, forgotten } = entries(30, 30, 30, 30, 50, 90);
    for (const i of [0, 1, 2]) budget.add(all[i]!);
    budget.remove(all[1]!);
    budget.add(all[3]!);
    assert.equal(budget.bytes, 90);
    budget.add(all[4]!);
    assert.deepEqual(forgotten, [0, 2]);
    budget.remove(all[4]!);
    budget.add(all[5]!);
    assert.deepEqual(forgotten, [0, 2, 3]);
    for (const e of all) budget.remove(e);
    assert.equal(budget.bytes, 0);
    budget.add(all[0]!);
    assert.equal(budget.bytes, 30);
  });

  it('counts an entry once, and not any more when it is gone', () => {
    const budget = new ObjectBudget(100);
    const { all, forgotten } = entries(60, 60);
    budget.add(all[0]!);
    budget.add(all[0]!);
    budget.remove(all[0]!);
    budget.remove(all[0]!);
    budget.add(all[1]!);
    assert.deepEqual(forgotten, []);
    assert.equal(budget.bytes, 60);
  });

  it('gives up everything when told so', () => {
    const budget = new ObjectBudget(100);
    const { all, forgotten } = entries(30, 30, 30);
    for (const e of all) budget.add(e);
    budget.clear();
    assert.deepEqual(forgotten, [0, 1, 2]);
    assert.equal(budget.bytes, 0);
  });

  it('keeps the newest even when it is larger than the budget', () => {
    const budget = new ObjectBudget(10);
    const { all, forgotten } = entries(5, 50);
    for (const e of all) budget.add(e);
    assert.deepEqual(forgotten, [0]);
  });
});
