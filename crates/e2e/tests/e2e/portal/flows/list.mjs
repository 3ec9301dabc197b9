// The list of webhooks: its columns, what filters and sorts them, and that an address is a view.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { column, textOf, textsOf, until, untilColumn } from '../until.mjs';
import { makeAll, word } from '../webhooks.mjs';

const ALWAYS = ['No', 'URL', 'Event Type', 'Status', 'Actions'];
const OPTIONAL = [['contract', 'Contract'], ['expires', 'Expires'], ['last', 'Last delivery']];

export default async function list(world) {
  const visitor = await world.signedIn();
  const { page } = visitor;
  assert.match(await textOf(page.locator('main h2')), /No webhooks yet/);
  await accessible(page, 'an empty list');
  const all = await makeAll(world);
  await page.reload();
  assert.deepEqual(await heads(page), ALWAYS);
  assert.equal(await textOf(page.locator('#count')), `${all.length} webhooks, ${all.filter(({ status }) => status === 'ACTIVE').length} of them active`);
  assert.deepEqual(await column(page, 'No'), all.map(({ no }) => String(no)));
  assert.deepEqual(await column(page, 'URL'), all.map(({ url }) => url));
  assert.deepEqual(await textsOf(page.locator('#rows td[data-label="Event Type"] .name')), all.map(({ title }) => title));
  assert.deepEqual(await textsOf(page.locator('#rows td[data-label="Status"] .state')), all.map(({ status }) => word(status)));
  for (const [number, text] of (await column(page, 'Actions')).entries()) assert.match(text, new RegExp(`^Edit webhook ${number + 1}, .* Delete webhook ${number + 1}, `));
  await switchesColumns(page);
  await filters(page, all);
  await sorts(page, all);
  await isShared(world, visitor, all);
}

const heads = (page) => textsOf(page.locator('#results thead tr').first().locator('th'));
const numbers = (rows) => rows.map(({ no }) => String(no));

async function switchesColumns(page) {
  await page.getByText('Columns', { exact: true }).click();
  for (const [place, [value, title]] of OPTIONAL.entries()) {
    await page.getByRole('checkbox', { name: title }).check();
    await until(`the column ${title}`, async () => (await heads(page)).includes(title));
    assert.deepEqual(await heads(page), [...ALWAYS, ...OPTIONAL.slice(0, place + 1).map(([, name]) => name)]);
    assert(new URL(page.url()).searchParams.getAll('columns').includes(value), 'the address says so');
  }
}

/** Each column by each kind of value; what is expected is worked out here. */
async function filters(page, all) {
  const cases = [
    ['no', '2-3,5', ({ no }) => [2, 3, 5].includes(no)],
    ['url', 'D', ({ url }) => url.toLowerCase().includes('d')],
    ['url', '/updated', ({ url }) => url.includes('/updated')],
    ['type', 'PRODUCT_ADDED', ({ event }) => event === 'PRODUCT_ADDED'],
    ['status', 'INACTIVE', ({ status }) => status === 'INACTIVE'],
    ['can', 'renew', () => false],
    ['contract', 'C-100', ({ contractId }) => contractId === 'C-100'],
    ['contract', '-', ({ contractId }) => contractId === null],
    ['expires', 'never', ({ expires }) => !expires],
    ['expires', '30d', ({ expires }) => Boolean(expires)],
    ['last', 'none', () => true],
    ['last', 'DELIVERED', () => false],
  ];
  for (const [name, value, fits] of cases) {
    await set(page, name, value);
    const expected = all.filter(fits);
    await untilColumn(page, 'No', numbers(expected), `${name}=${value}`);
    await until('the address says so', () => new URL(page.url()).searchParams.get(name) === value);
    const count = expected.length === 0 ? `Showing none of ${all.length}` : `Showing ${expected.length} of ${all.length}`;
    await until(`the count says ${count}`, async () => (await textOf(page.locator('#count'))).startsWith(count));
    assert.match(await page.locator('#download').getAttribute('href'), new RegExp(`[?&]${name}=`), 'Excel gets the same');
    await set(page, name, '');
    await untilColumn(page, 'No', numbers(all));
  }
  await set(page, 'status', 'ACTIVE');
  await set(page, 'contract', 'C-100');
  await untilColumn(page, 'No', numbers(all.filter(({ status, contractId }) => status === 'ACTIVE' && contractId === 'C-100')));
  await set(page, 'no', 'x');
  await until('it says what to do', async () => /no number/.test(await textOf(page.locator('#rows'))));
  await accessible(page, 'a list that nothing fits');
  await page.locator('#rows').getByRole('link', { name: 'Clear the filters' }).click();
  await untilColumn(page, 'No', numbers(all));
}

export async function set(page, name, value) {
  const field = page.locator(`#f-${name}`);
  if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value);
  else await field.fill(value);
}

async function sorts(page, all) {
  const by = {
    No: ({ no }) => no,
    URL: ({ url }) => url,
    'Event Type': ({ title }) => title.toLowerCase(),
    Status: ({ status }) => word(status),
    Contract: ({ contractId }) => contractId ?? '',
    Expires: ({ expires }) => expires ?? '',
  };
  for (const title of [...Object.keys(by), 'Actions', 'Last delivery']) {
    const head = page.locator('#results thead th').filter({ has: page.getByRole('link', { name: title, exact: true }) });
    const orders = [];
    for (const direction of ['ascending', 'descending']) {
      // By number it is sorted already.
      if ((await head.getAttribute('aria-sort')) !== direction) await head.getByRole('link').click();
      await until(`${title}, ${direction}`, async () => (await head.getAttribute('aria-sort')) === direction);
      assert.equal(await page.locator('#results thead th[aria-sort]').count(), 1);
      orders.push((await column(page, 'No')).map((no) => all[Number(no) - 1]));
    }
    assert.deepEqual(orders.map((order) => order.length), [all.length, all.length]);
    if (!by[title]) continue;
    const [up, down] = orders.map((order) => order.map(by[title]).filter((value) => value !== ''));
    const sorted = [...up].sort((a, b) => (a < b ? -1 : Number(a > b)));
    assert.deepEqual(up, sorted, `${title} upwards`);
    assert.deepEqual(down, [...sorted].reverse(), `${title} downwards`);
  }
}

/** The address holds filters, order and columns: who gets it sees the same. */
async function isShared(world, { page }, all) {
  await set(page, 'url', 'd');
  await until('it is filtered', async () => (await column(page, 'No')).length < all.length);
  const read = (of) => Promise.all([heads(of), textsOf(of.locator('#rows > tr')), textOf(of.locator('#count'))]);
  await page.locator('#results thead').getByRole('link', { name: 'URL', exact: true }).click();
  await until('it is sorted', () => new URL(page.url()).searchParams.get('sort') === 'url');
  const other = await world.signedIn();
  await other.page.goto(page.url());
  assert.deepEqual(await read(other.page), await read(page));
  assert.equal(await other.page.locator('#f-url').inputValue(), 'd');
  await page.goBack();
  await until('the way back leads to the order before', () => new URL(page.url()).searchParams.get('sort') !== 'url');
}
