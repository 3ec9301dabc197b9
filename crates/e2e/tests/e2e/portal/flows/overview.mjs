// How a webhook does: pictures drawn by the server, what waits, and the state of a receiver that fails.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { textOf, until } from '../until.mjs';

const GOOD = 3;
const BAD = 18;

export default async function overview(world) {
  const { id } = await world.subscribe('FLIGHT_CREATE', 'hook', { policy: 'patient', limits: { concurrency: 1 } });
  const visitor = await world.signedIn(`/portal/webhooks/${id}`);
  const { page } = visitor;
  assert.match(await textOf(page.locator('h1')), new RegExp(`${new URL(world.url('')).host}/overview/hook`));
  await accessible(page, 'a webhook that nothing was sent to');
  await publish(world, 'good', GOOD);
  await world.deliveries('status=DELIVERED', GOOD);
  await world.behave('hook', 503, 'upstream <u>unavailable</u>');
  await publish(world, 'bad', BAD);
  await until('some are parked', async () => (await world.get('/deliveries?status=PARKED')).deliveries.length > 0);
  await until('nothing is new', async () => (await world.get('/deliveries?status=PENDING')).deliveries.length === 0);
  const count = async (status) => (await world.get(`/deliveries?status=${status}&limit=200`)).deliveries.length;
  const figure = async (name) => textOf(page.locator('ul.figures > li').filter({ hasText: name }).locator('b'));
  // One of those that are parked is tried now and then, so it is the same only for as long as that takes.
  await until('the page has it all', async () => {
    await page.goto(at(`/portal/webhooks/${id}`));
    assert.equal(await page.locator('#breaker').count(), 1, 'a state of the receiver');
    const [retrying, parked] = [await count('RETRYING'), await count('PARKED')];
    assert.equal(retrying + parked, BAD);
    const shown = [await figure('Retrying'), await figure('Parked'), await figure('Delivered'), await figure('Pending')];
    assert.deepEqual(shown, [retrying, parked, GOOD, 0].map(String));
    return parked > 0;
  });
  assert.match(await textOf(page.locator('#breaker')), /Shut|Failing/);
  const facts = await textOf(page.locator('section[aria-labelledby="breaker"]'));
  assert(facts.includes('503') && facts.includes('upstream <u>unavailable</u>'), facts);
  await pictures(page);
  await accessible(page, 'a webhook whose receiver fails');
  await page.goto(at('/portal/webhooks'));
  await until('the list says so', async () => {
    await page.reload();
    return /Failing, how webhook 1 does since \d/.test(await textOf(page.locator('#rows')));
  });
}

function publish(world, name, count) {
  return world.publish('FLIGHT_CREATE', Array.from({ length: count }, (_, number) => ({ id: `overview-${name}-${number}`, subject: `flight-${name}-${number}` })));
}

async function pictures(page) {
  const drawn = page.locator('svg[role="img"]');
  assert.equal(await drawn.count(), 2);
  for (const place of [0, 1]) {
    const picture = drawn.nth(place);
    assert((await picture.getAttribute('aria-label')).length > 20, 'it says what is to be seen');
    const { width, height } = await picture.boundingBox();
    assert(width > 200 && height > 50);
  }
  const bars = await drawn.first().locator('rect.p-bar').evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().height));
  assert.equal(Math.max(...bars) > 10, true, 'what was delivered stands up');
  assert((await drawn.first().locator('rect.p-bad').count()) > 0, 'what failed hangs down');
  assert.equal(await page.locator('svg[style], svg [style], svg script').count(), 0);
  await page.getByText('The same in numbers').first().click();
  const rows = await page.locator('figure table').first().locator('tbody tr').allTextContents();
  assert.equal(rows.length, 24, 'the last hours');
}
