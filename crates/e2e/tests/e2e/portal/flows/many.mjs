// As many webhooks as a pair may have: the list, its filters and the spreadsheet stay usable.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { told } from '../rig.mjs';
import { column, textOf, until } from '../until.mjs';
import { set } from './list.mjs';

/** Requests under way at a time. */
const AT_A_TIME = 24;
const PER_PAGE = 50;

export default async function many(world) {
  const total = told.many;
  await make(world, total);
  const { page } = await world.signedIn();
  const says = (count) => count.toLocaleString('en-GB');
  assert.equal(await textOf(page.locator('#count')), `${says(total)} webhooks, all of them active`);
  assert.deepEqual(await column(page, 'No'), Array.from({ length: PER_PAGE }, (_, place) => String(place + 1)));
  assert.equal(await textOf(page.locator('#pager > span').first()), `1 to 50 of ${says(total)}`);
  await page.getByRole('link', { name: 'Next 50' }).click();
  assert.equal((await column(page, 'No'))[0], '51');
  await set(page, 'url', 'number-7');
  const fit = Array.from({ length: total }, (_, number) => number).filter((number) => String(number).startsWith('7')).length;
  await until('it is filtered', async () => (await textOf(page.locator('#count'))).startsWith(`Showing ${says(fit)} of ${says(total)}`));
  assert.equal((await column(page, 'No')).length, Math.min(PER_PAGE, fit));
  await set(page, 'no', `${total}`);
  await until('no more than the last may fit', async () => (await column(page, 'No')).length <= 1);
  await set(page, 'url', '');
  await until('the last one', async () => (await column(page, 'No')).join() === String(total));
  await set(page, 'no', '');
  await until('all are there again', async () => (await column(page, 'No')).length === PER_PAGE);
  await page.locator('#results').getByRole('link', { name: 'No', exact: true }).click();
  await until('the greatest comes first', async () => (await column(page, 'No'))[0] === String(total));
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#download').click()]);
  const env = { ...process.env, PYTHONPATH: told.python };
  const { stdout } = await promisify(execFile)('python3', [`${told.dir}/read-xlsx.py`, await file.path()], { env, maxBuffer: 1 << 26 });
  const { rows, kinds } = JSON.parse(stdout);
  assert.deepEqual([rows.length, kinds], [total + 1, ['s']]);
}

async function make(world, total) {
  let next = 0;
  const worker = async () => {
    for (let number = next++; number < total; number = next++) await world.subscribe('PRODUCT_ADDED', `number-${number}`, { contractId: 'C-100' });
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}
