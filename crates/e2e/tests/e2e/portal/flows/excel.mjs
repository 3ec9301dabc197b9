// Download Excel: its name, and that it holds the filtered rows and nothing that anything would work out.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { told } from '../rig.mjs';
import { column, until } from '../until.mjs';
import { makeAll, word } from '../webhooks.mjs';
import { set } from './list.mjs';

const HEAD = ['Contract', 'URL', 'Event Type', 'Status'];
const run = promisify(execFile);

export default async function excel(world) {
  const all = await makeAll(world);
  const { contracts } = await world.get('/me');
  for (const contractId of contracts.filter((contract) => !contract.startsWith('C-'))) {
    // What an address may hold that a spreadsheet would work out.
    const url = `${world.url('=cmd|%27calc%27!A1')}?a==1+1&b=@SUM(A1)`;
    const { id, callbackUrl } = await world.subscribe('PRODUCT_ADDED', 'evil', { contractId, callbackUrl: url });
    all.push({ no: all.length + 1, id, url: callbackUrl, title: 'Product Added', event: 'PRODUCT_ADDED', contractId, status: 'ACTIVE' });
  }
  const row = ({ contractId, url, title, status }) => [contractId ?? '', url, title, word(status)];

  const { page } = await world.signedIn('/portal/webhooks', { timezoneId: 'Asia/Kolkata' });
  assert.deepEqual(await download(page, 'Asia/Kolkata'), [HEAD, ...all.map(row)]);

  await set(page, 'url', 'E');
  await set(page, 'status', 'ACTIVE');
  const some = all.filter(({ url, status }) => url.toLowerCase().includes('e') && status === 'ACTIVE');
  await until('it is filtered', async () => (await column(page, 'No')).length === some.length);
  assert(some.length > 4 && some.length < all.length);
  assert.deepEqual(await download(page, 'Asia/Kolkata'), [HEAD, ...some.map(row)]);
  await page.locator('#results').getByRole('link', { name: 'No', exact: true }).click();
  await until('the greatest comes first', async () => Number((await column(page, 'No'))[0]) === some.at(-1).no);
  assert.deepEqual(await download(page, 'Asia/Kolkata'), [HEAD, ...some.map(row).reverse()], 'in the order of the list');
  await set(page, 'url', 'nothing has this');
  await until('nothing fits', async () => (await column(page, 'No')).length === 0);
  assert.deepEqual(await download(page, 'Asia/Kolkata'), [HEAD]);

  // Nothing says where the viewer is.
  const { page: plain } = await world.signedIn('/portal/webhooks', { javaScriptEnabled: false, timezoneId: 'Asia/Kolkata' });
  assert.deepEqual(await download(plain, 'UTC'), [HEAD, ...all.map(row)]);
}

/** Downloads it, judges what is the same for all, and answers the rows. */
async function download(page, timeZone) {
  const before = name(timeZone);
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#download').click()]);
  const after = name(timeZone);
  const suggested = file.suggestedFilename();
  assert(suggested === before || suggested === after, `${suggested} is not ${before}`);
  const env = { ...process.env, PYTHONPATH: told.python };
  const { stdout } = await run('python3', [`${told.dir}/read-xlsx.py`, await file.path()], { env });
  const { rows, types, kinds, formulas, links } = JSON.parse(stdout);
  assert.deepEqual({ types, kinds, formulas, links }, { types: ['str'], kinds: ['s'], formulas: 0, links: 0 });
  return rows;
}

/** What it has to be called now. */
function name(timeZone) {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    .formatToParts(new Date());
  const { day, month, year, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `Webhooks_${day}${month}${year}_${hour}${minute}.xlsx`;
}
