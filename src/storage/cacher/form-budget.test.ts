/** The budget of kept forms: full, it trades what nobody asked for, and a walk over more than fits leaves the rest alone. */
import assert from 'node:assert/strict';
import { FormBudget, type FormHolder, type Kept } from './form-budget.ts';

class Holder implements FormHolder {
  has = true;
  forgetForms(): void {
    this.has = false;
  }
}

describe('the budget of kept forms', () => {
  const holders = (n: number) => Array.from({ length: n }, () => new Holder());

  it('keeps no more than its bytes', () => {
    const budget = new FormBudget(100);
    const all = holders(10);
    const kept = all.filter((h) => budget.admit(h, 30));
    assert.ok(budget.bytes <= 100);
    assert.equal(all.filter((h) => kept.includes(h) && h.has).length * 30, budget.bytes);
    assert.equal(budget.admit(new Holder(), 101), undefined);
  });

  it('gives the place of what is not used to what comes', () => {
    const budget = new FormBudget(100);
    const [a, b, c] = holders(3) as [Holder, Holder, Holder];
    const keptA = budget.admit(a, 50)!;
    budget.admit(b, 50);
    assert.equal(budget.admit(c, 50), undefined, 'the first look only clears the mark');
    assert.equal(budget.admit(c, 50), undefined);
    keptA.isUsed = true;
    assert.equal(budget.admit(c, 50), undefined);
    assert.ok(budget.admit(c, 50));
    assert.deepEqual([a.has, b.has], [true, false]);
  });

  it('is not emptied by walks over a little more than fits', () => {
    const budget = new FormBudget(100);
    const kept = new Map<Holder, Kept>();
    const all = holders(12);
    let made = 0;
    for (let walk = 0; walk < 5; walk++) {
      made = 0;
      for (const h of all) {
        if (kept.has(h) && h.has) kept.get(h)!.isUsed = true;
        else {
          made++;
          h.has = true;
          const own = budget.admit(h, 10);
          if (own !== undefined) kept.set(h, own);
        }
      }
    }
    assert.ok(made <= 4, `${made} made`);
  });

  it('has room again for what was packed', () => {
    const budget = new FormBudget(100);
    const [a, b] = holders(2) as [Holder, Holder];
    budget.shrink(budget.admit(a, 90)!, 80);
    assert.equal(budget.bytes, 10);
    assert.ok(budget.admit(b, 90));
    budget.remove(a);
    assert.equal(budget.bytes, 90);
  });

  it('forgets what is removed, once', () => {
    const budget = new FormBudget(100);
    const [a] = holders(1) as [Holder];
    budget.admit(a, 40);
    budget.admit(a, 10);
    assert.equal(budget.bytes, 50);
    budget.remove(a);
    budget.remove(a);
    assert.equal(budget.bytes, 0);
  });
});
