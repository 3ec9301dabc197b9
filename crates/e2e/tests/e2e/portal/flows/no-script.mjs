// Without scripts everything works as well; only times are in UTC.
import assert from 'node:assert/strict';
import { column, heading, textOf, textsOf } from '../until.mjs';
import { makeAll } from '../webhooks.mjs';

export default async function noScript(world) {
  const all = await makeAll(world);
  const { page } = await world.signedIn('/portal/webhooks', { javaScriptEnabled: false, timezoneId: 'Asia/Kolkata' });
  const results = page.locator('#results');
  const apply = results.getByRole('button', { name: 'Apply' });

  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'Contract' }).check();
  await page.getByRole('button', { name: 'Show' }).click();
  assert((await textsOf(results.locator('thead th'))).includes('Contract'));

  await page.locator('#f-url').fill('ed');
  await page.locator('#f-status').selectOption('ACTIVE');
  await apply.click();
  const fit = all.filter(({ url, status }) => url.includes('ed') && status === 'ACTIVE');
  assert.deepEqual(await column(page, 'No'), fit.map(({ no }) => String(no)));
  const params = new URL(page.url()).searchParams;
  assert.deepEqual([params.get('columns'), params.get('type')], ['contract', null], 'nothing empty stands in the address');

  await results.getByRole('link', { name: 'URL', exact: true }).click();
  await results.getByRole('link', { name: 'URL', exact: true }).click();
  const urls = fit.map(({ url }) => url).sort();
  assert.deepEqual(await column(page, 'URL'), urls.reverse());
  assert.match(await textOf(page.locator('footer')), /Times are in UTC/);

  await page.locator('#rows').getByRole('link', { name: /^Edit/ }).first().click();
  assert.equal(await heading(page), 'Edit webhook');
  await page.getByLabel('URL', { exact: true }).fill(world.url('elsewhere'));
  await page.getByRole('button', { name: 'Save changes' }).click();
  const { callbackUrl } = await world.get(`/subscriptions/${all.find(({ url }) => url === urls[0]).id}`);
  assert.equal(callbackUrl, world.url('elsewhere'));

  await delivers(world, page);
}

/** A row leads to the page of its delivery. */
async function delivers(world, page) {
  await world.publish('FLIGHT_CREATE', [{ id: 'no-script-1', subject: 'flight-1', data: { flightNumber: 'EXA101' } }]);
  const { id } = (await world.deliveries('status=DELIVERED', 1))[0];
  await page.goto(new URL('/portal/deliveries', page.url()).href);
  await page.locator('#rows a.toggle').click();
  assert.equal(new URL(page.url()).pathname, `/portal/deliveries/${id}`);
  await page.getByRole('button', { name: 'Redeliver' }).click();
  await world.arrived('created', 2);
}
