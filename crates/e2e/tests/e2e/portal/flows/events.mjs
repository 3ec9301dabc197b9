// What became of an event: found by its id, a flight number or a PNR, and told as `aerogram why` tells it. And the catalogue.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { heading, textOf, textsOf, until } from '../until.mjs';

const FLIGHT = { flightId: 'flight-1', flightNumber: 'EXA4711' };
const ORDER = { agwID: 'AGW-88', pnr: 'QX7ZZ9', recordLocator: 'LOC123' };

export default async function events(world) {
  await published(world);
  const { page } = await world.signedIn('/portal/events');
  await accessible(page, 'the search');
  for (const [text, id] of [['events-flight', 'events-flight'], ['exa4711', 'events-flight'], ['QX7ZZ9', 'events-order'], ['AGW-88', 'events-order']]) {
    await search(page, text);
    // One that is found by its id, or is the only one, may be shown at once.
    await until(`${id} is found by ${text}`, async () => (await page.locator('main').textContent()).includes(id));
  }
  await search(page, 'nobody-knows-this');
  assert.match(await textOf(page.locator('main')), /Nothing is known of nobody-knows-this/);
  await accessible(page, 'nothing was found');
  await story(world, page);
  await catalogue(page);
}

async function search(page, text) {
  await page.goto(at('/portal/events'));
  await page.locator('#q').fill(text);
  await page.getByRole('button', { name: 'Search' }).click();
}

async function published(world) {
  await world.behave('bad', 503, 'upstream unavailable');
  await world.subscribe('FLIGHT_CREATE', 'good');
  await world.subscribe('FLIGHT_CREATE', 'bad', { policy: 'patient' });
  await world.subscribe('FLIGHT_CREATE', 'paused', { status: 'INACTIVE' });
  await world.subscribe('FLIGHT_CREATE', 'tests', { environment: 'non-production' });
  await world.publish('FLIGHT_CREATE', [{ id: 'events-flight', subject: 'flight-1', data: FLIGHT }]);
  await world.publish('OrderCreated', [{ id: 'events-order', subject: 'AGW-88', data: ORDER }]);
  await world.deliveries('status=DELIVERED', 1);
  await world.deliveries('status=RETRYING', 1);
  await world.story('events-order');
}

async function story(world, page) {
  await page.goto(at('/portal/events/events-flight'));
  assert.equal(await heading(page), 'Flight created, flight-1');
  const steps = await textsOf(page.locator('.route > li'));
  const host = new URL(world.url('')).host;
  const step = (pattern) => assert(steps.some((text) => pattern.test(text)), `${pattern} in ${steps.join('\n')}`);
  step(/^Accepted/);
  step(/Matched with 2/);
  step(new RegExp(`${host}/events/good.*Delivered`));
  step(new RegExp(`${host}/events/bad.*503`));
  step(/Attempt 2 is due at/);
  const missed = await textOf(page.locator('section[aria-labelledby^="near"]'));
  assert.match(missed, new RegExp(`${host}/events/paused.*not active`));
  assert.match(missed, new RegExp(`${host}/events/tests.*non-production`));
  assert((await page.locator('main pre').first().textContent()).includes('"flightNumber": "EXA4711"'));
  await accessible(page, 'the story of an event');
  await page.locator('.route').getByRole('link', { name: /events\/bad/ }).click();
  assert.match(new URL(page.url()).pathname, /^\/portal\/deliveries\//);
}

async function catalogue(page) {
  await page.goto(at('/portal/catalogue'));
  assert.equal(await page.locator('main .name').count(), 59);
  for (const title of ['Flight Delay Status Change', 'Product Added', 'Product Updated', 'Product Removed']) {
    assert.equal(await page.locator('main').getByRole('link', { name: title, exact: true }).count(), 1, title);
  }
  await accessible(page, 'the catalogue');
  await page.locator('#q').fill('delay');
  await until('it is looked for', async () => (await page.locator('main .name').count()) < 59);
  await page.locator('main').getByRole('link', { name: 'Flight Delay Status Change', exact: true }).click();
  assert.equal(await heading(page), 'Flight Delay Status Change');
  assert.match(await textOf(page.locator('main')), /FLIGHT_DELAY_STATUS_CHANGE/);
  assert(Object.keys(JSON.parse(await page.locator('pre[aria-label="Example"]').textContent())).length > 1);
  await accessible(page, 'a type of the catalogue');
  await page.locator('main').getByRole('link', { name: 'Add webhook for it' }).click();
  assert.equal(await page.getByLabel('Event Type', { exact: true }).inputValue(), 'FLIGHT_DELAY_STATUS_CHANGE');
}
