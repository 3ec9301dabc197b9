// Every page with something on it: everybody can use it, and it fits a phone. At full scale at two widths, light and dark, with a
// picture of each.
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { accessible } from '../axe.mjs';
import { told } from '../rig.mjs';
import { until } from '../until.mjs';
import { makeAll } from '../webhooks.mjs';

/** The other flows look at pages on a wide screen in the light. */
const ONE = [{ width: 375, scheme: 'dark' }];
const ALL = [1440, 375].flatMap((width) => ['light', 'dark'].map((scheme) => ({ width, scheme })));
const FLIGHT = {
  flightId: 'FL-20318', flightNumber: 'EXA101', registration: 'XX-ABC', reason: 'Late arrival of the aircraft',
  departure: { airport: 'LEMD', iata: 'MAD', scheduledAt: '2026-11-21T12:30:00+01:00', estimatedAt: '2026-11-21T13:15:00+01:00' },
  arrival: { airport: 'LFMN', iata: 'NCE', scheduledAt: '2026-11-21T14:20:00+01:00', estimatedAt: '2026-11-21T15:05:00+01:00' },
};

export default async function tour(world) {
  const pages = await furnished(world);
  if (told.shots) {
    await rm(told.shots, { recursive: true, force: true });
    await mkdir(told.shots, { recursive: true });
  }
  for (const { width, scheme } of told.isFull ? ALL : ONE) {
    const options = { viewport: { width, height: 900 }, colorScheme: scheme, timezoneId: 'Europe/Madrid' };
    const visitor = await world.visitor(options);
    await look(visitor, 'sign-in', '/portal/sign-in', { width, scheme });
    await visitor.signIn();
    for (const [name, path, act] of pages) await look(visitor, name, path, { width, scheme }, act);
    const looking = await world.visitor(options);
    await looking.signIn('/portal/webhooks', world.readingToken);
    await look(looking, 'look-only', '/portal/webhooks', { width, scheme });
    assert.equal(await looking.page.getByRole('link', { name: /Add webhook|Delete|^Edit/ }).count(), 0);
    const refused = await looking.open('/portal/webhooks/new');
    assert.equal(refused.status(), 403);
    await look(looking, 'error-403', '/portal/webhooks/new', { width, scheme });
  }
}

async function look({ page }, name, path, { width, scheme }, act) {
  await page.goto(new URL(path, told.api).href);
  if (act) await act(page);
  await accessible(page, `${name}, ${width} px, ${scheme}`);
  const { scrollWidth, clientWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, clientWidth: document.documentElement.clientWidth }));
  assert(scrollWidth <= clientWidth, `${name} is wider (${scrollWidth}) than a screen of ${width} px`);
  if (told.shots) await page.screenshot({ path: `${told.shots}/${name}-${width}-${scheme}.png`, fullPage: true });
}

/** Some of everything; answers pages by name, with what is done there first. */
async function furnished(world) {
  for (const [name, status, body] of [['failing', 503, 'upstream unavailable'], ['broken', 500, '{"error":"no such table"}']]) await world.behave(name, status, body);
  const [delay] = await makeAll(world);
  const header = { 'x-tenant': 'secret' };
  const order = await world.subscribe('OrderTicketed', 'orders', {
    name: 'Tickets of the agency', httpRequest: { header, jsonBody: { order: '{{agwID}}', route: '{{fullPath}}' } },
    authentication: { type: 'bearer', token: 'secret' }, limits: { ratePerMinute: 1200, concurrency: 4 },
  });
  const failing = await world.subscribe('FLIGHT_MOVEMENT_UPDATE', 'failing', { policy: 'patient', limits: { concurrency: 1 } });
  await world.subscribe('FLIGHT_CANCEL', 'broken', { policy: 'twice' });
  const events = (type, count) => Array.from({ length: count }, (_, number) => ({ id: `fl-20318-${type}-${number + 1}`, subject: `FL-2031${number}`, data: FLIGHT }));
  await world.publish('FLIGHT_CREATE', events('created', 6));
  await world.publish('FLIGHT_CANCEL', events('cancelled', 4));
  await world.publish('FLIGHT_MOVEMENT_UPDATE', events('moved', 16));
  await world.deliveries('status=DELIVERED', 6);
  await world.deliveries('status=ESCALATED', 4);
  await until('nothing is new', async () => (await world.get('/deliveries?status=PENDING')).deliveries.length === 0);
  const [given] = await world.deliveries('status=ESCALATED', 4);
  const retrying = await until('one is tried again', async () => (await world.get('/deliveries?status=RETRYING')).deliveries[0]);
  const { escalations } = await world.get('/escalations?state=open');
  await world.rest('POST', `/escalations/${escalations.at(-1).id}/dismissal`, { why: 'the flight is over' });
  const { json: task } = await world.rest('POST', '/redeliveries', { subscriptionId: given.subscriptionId });
  const of = (id, what = '') => `/portal/webhooks/${id}${what}`;
  return [
    ['webhooks', '/portal/webhooks'],
    ['webhooks-columns', '/portal/webhooks?columns=contract&columns=expires&columns=last&status=ACTIVE&sort=-url'],
    ['webhooks-none-match', '/portal/webhooks?url=nothing-has-this'],
    ['webhooks-menu', '/portal/webhooks', (page) => page.getByText('Columns', { exact: true }).click()],
    ['webhook', of(failing.id)],
    ['webhook-quiet', of(delay.id)],
    ['webhook-new', of('new')],
    ['webhook-new-open', of('new'), unfolded],
    ['webhook-new-errors', of('new'), mistaken],
    ['webhook-edit', of(order.id, '/edit'), (page) => unfolded(page, 'keep')],
    ['webhook-delete', of(failing.id, '/delete')],
    ['webhook-rotate', of(failing.id, '/rotate')],
    ['webhook-renew-not-yet', of(failing.id, '/renew')],
    ['webhook-conflict', of(delay.id, '/edit'), (page) => conflicting(world, delay.id, page)],
    ['webhook-key', of('new'), (page) => added(world, page)],
    ['webhook-test', of(failing.id, '/test')],
    ['webhook-test-taken', of(delay.id, '/test'), tested],
    ['webhook-test-refused', of(failing.id, '/test'), tested],
    ['deliveries', '/portal/deliveries'],
    ['deliveries-open', '/portal/deliveries', opened],
    ['deliveries-none-match', '/portal/deliveries?subject=nothing-has-this'],
    ['deliveries-filtered', '/portal/deliveries?status=ESCALATED'],
    ['deliveries-redeliver', '/portal/deliveries/redeliver?status=ESCALATED'],
    ['delivery', `/portal/deliveries/${retrying.id}`],
    ['delivery-ended', `/portal/deliveries/${given.id}`],
    ['delivery-redeliver', `/portal/deliveries/${given.id}/redeliver`],
    ...(task.id ? [['task', `/portal/tasks/${task.id}`]] : []),
    ['escalations', '/portal/escalations?state=all'],
    ['escalations-none-match', '/portal/escalations?fault=platform'],
    ['escalation', `/portal/escalations/${escalations[0].id}`],
    ['escalation-dismissed', `/portal/escalations/${escalations.at(-1).id}`],
    ['events', '/portal/events'],
    ['events-found', '/portal/events?q=EXA101'],
    ['events-none', '/portal/events?q=EXA999'],
    ['event', '/portal/events/fl-20318-moved-1'],
    ['catalogue', '/portal/catalogue'],
    ['catalogue-type', '/portal/catalogue/FLIGHT_TIME_UPDATE'],
    ['error-404', of('nothing')],
  ];
}

async function unfolded(page, keep) {
  await page.locator('details.fold').evaluateAll((all) => all.forEach((fold) => { fold.open = true; }));
  if (keep !== 'keep') await page.locator('#body-own').check();
}

async function mistaken(page) {
  await unfolded(page);
  await page.locator('#url').fill('http://insecure.example/hook');
  await page.locator('#event').selectOption('OrderDisrupted');
  await page.locator('#template').fill('{"orderID": {{agwID}');
  await page.locator('#rate').fill('often');
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await page.locator('#errors').waitFor();
}

async function added(world, page) {
  await page.locator('#url').fill(world.url('added'));
  await page.locator('#event').selectOption('OrderDisrupted');
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await page.locator('#key').waitFor();
}

/** Somebody else is faster. */
async function conflicting(world, id, page) {
  const { name } = await world.get(`/subscriptions/${id}`);
  await world.rest('PATCH', `/subscriptions/${id}`, { name: name === 'one' ? 'another' : 'one' });
  await page.locator('#url').fill(world.url('mine'));
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.getByRole('alert').waitFor();
}

async function tested(page) {
  await page.getByRole('button', { name: 'Send test event' }).click();
  await page.locator('#result .figures').waitFor();
}

async function opened(page) {
  await page.locator('#rows a.toggle').first().click();
  await page.locator('#rows tr.detail').waitFor();
}
