// Deliveries: each column filters, and a row opens to what was sent and answered.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { textOf, textsOf, until, untilColumn } from '../until.mjs';
import { set } from './list.mjs';

const HEADS = ['Issued', 'Event Type', 'Subject', 'Webhook', 'Status', 'Attempts', 'Last answer', 'Next attempt'];

export default async function deliveries(world) {
  const visitor = await world.signedIn('/portal/deliveries');
  const { page } = visitor;
  assert.match(await textOf(page.locator('main h2')), /No deliveries yet/);
  await accessible(page, 'no deliveries');
  const { good, bad } = await some(world);
  await page.reload();
  assert.deepEqual(await textsOf(page.locator('#results thead tr').first().locator('th')), HEADS);
  await filters(page, good, bad);
  await opens(world, page);
  await accessible(page, 'deliveries with one open');
  await standsAlone(world, page, bad);
}

/** Two that arrived, and one that is tried again later. */
async function some(world) {
  await world.behave('bad', 503, 'upstream unavailable <i>today</i>');
  const good = await world.subscribe('FLIGHT_CREATE', 'good', { authentication: { type: 'bearer', token: 'secret-of-the-receiver' } });
  const bad = await world.subscribe('FLIGHT_CANCEL', 'bad', { policy: 'patient' });
  await world.publish('FLIGHT_CREATE', [{ id: 'deliveries-1', subject: 'flight-1', data: { flightNumber: 'EXA101' } }]);
  await world.deliveries('status=DELIVERED', 1);
  await world.publish('FLIGHT_CREATE', [{ id: 'deliveries-2', subject: 'flight-2' }]);
  await world.deliveries('status=DELIVERED', 2);
  await world.publish('FLIGHT_CANCEL', [{ id: 'deliveries-3', subject: 'flight-3' }]);
  await world.deliveries('status=RETRYING', 1);
  return { good, bad };
}

async function filters(page, good, bad) {
  const all = ['flight-3', 'flight-2', 'flight-1'];
  const [, ...delivered] = all;
  await untilColumn(page, 'Subject', all);
  const cases = [
    ['since', '1h', all],
    ['type', 'FLIGHT_CANCEL', ['flight-3']],
    ['subject', 'flight-2', ['flight-2']],
    ['webhook', good.id, delivered],
    ['webhook', bad.id, ['flight-3']],
    ['status', 'DELIVERED', delivered],
    ['status', 'RETRYING', ['flight-3']],
    ['status', 'PARKED', []],
    ['attempts', '2-5', []],
    ['attempts', '1', all],
    ['last', '5xx', ['flight-3']],
    ['last', '2xx', delivered],
    ['next', 'none', delivered],
    ['next', 'due', ['flight-3']],
  ];
  for (const [name, value, expected] of cases) {
    await set(page, name, value);
    await untilColumn(page, 'Subject', expected, `${name}=${value}`);
    await until('the address says so', () => new URL(page.url()).searchParams.get(name) === value);
    await set(page, name, '');
    await untilColumn(page, 'Subject', all);
  }
  await page.locator('#results').getByRole('link', { name: 'Issued', exact: true }).click();
  await untilColumn(page, 'Subject', [...all].reverse());
  await page.locator('#results').getByRole('link', { name: 'Issued', exact: true }).click();
  await untilColumn(page, 'Subject', all);
}

async function opens(world, page) {
  const toggle = page.locator('#rows a.toggle').nth(2);
  assert.equal(await toggle.getAttribute('aria-expanded'), 'false');
  await toggle.click();
  const detail = page.locator('#rows tr.detail');
  await detail.waitFor();
  assert.equal(await toggle.getAttribute('aria-expanded'), 'true');
  assert.equal(await detail.getAttribute('id'), await toggle.getAttribute('aria-controls'));
  const [request] = (await world.log('good')).filter(({ body }) => JSON.parse(body).id === 'deliveries-1' || body.includes('EXA101'));
  assert.deepEqual(JSON.parse(await detail.locator('pre').first().textContent()), JSON.parse(request.body), 'what was sent is shown');
  assert.deepEqual(await textsOf(detail.locator('td[data-label="Result"]')), ['200']);
  const names = await textsOf(detail.locator('.head-lines dt'));
  const values = await textsOf(detail.locator('.head-lines dd'));
  for (const secret of ['authorization', 'webhook-signature']) assert.equal(values[names.indexOf(secret)], 'hidden', secret);
  assert.equal(values[names.indexOf('webhook-id')], request.id);
  assert.doesNotMatch(await page.content(), /secret-of-the-receiver/);
  assert.equal(request.headers.authorization, 'Bearer secret-of-the-receiver');
  await toggle.click();
  await until('it shuts', async () => (await detail.count()) === 0);
  await toggle.click();
  await detail.waitFor();
}

async function standsAlone(world, page, bad) {
  const [{ id }] = await world.deliveries('status=RETRYING', 1);
  await page.goto(at(`/portal/deliveries/${id}`));
  const text = await textOf(page.locator('main'));
  assert.match(text, /Retrying/);
  assert.match(text, /503/);
  assert(text.includes('upstream unavailable <i>today</i>'), 'the beginning of the answer');
  assert.match(text, /Attempt 2 is due at/);
  await accessible(page, 'a delivery that is tried again');
  await page.locator('main').getByRole('link', { name: new RegExp(new URL(bad.callbackUrl).host) }).first().click();
  assert.equal(new URL(page.url()).pathname, `/portal/webhooks/${bad.id}`);
}
