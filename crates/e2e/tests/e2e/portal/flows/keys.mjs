// A new signing key, and a test event.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { ask, at } from '../rig.mjs';
import { heading, textOf, textsOf, until } from '../until.mjs';

export default async function keys(world) {
  const authentication = { type: 'apiKey', key: 'secret-of-the-receiver' };
  const made = await world.subscribe('FLIGHT_CREATE', 'hook', { authentication, policy: 'steady' });
  const { page } = await world.signedIn(`/portal/webhooks/${made.id}`);
  await another(world, page, made);
  await taken(world, page, made);
  await notTaken(world, page, made);
}

async function another(world, page, { id, key }) {
  const verified = (by) => ask('verify', { path: world.path('hook'), key: by });
  await page.getByRole('link', { name: 'New signing key' }).click();
  assert.equal(await heading(page), 'Make another signing key?');
  await accessible(page, 'asking for another key');
  await page.getByLabel('Both keys sign for').fill('soon');
  await page.getByRole('button', { name: 'Make the key' }).click();
  await page.locator('#overlap-error').waitFor();
  assert.equal(await page.getByLabel('Both keys sign for').inputValue(), 'soon');
  await page.getByLabel('Both keys sign for').fill('24');
  await page.getByRole('button', { name: 'Make the key' }).click();
  const second = await textOf(page.locator('#key'));
  assert.match(second, /^whsec_/);
  await world.publish('FLIGHT_CREATE', [{ id: 'keys-1', subject: 'flight-1' }]);
  await world.arrived('hook', 1);
  assert.deepEqual([await verified(key), await verified(second)], [[true], [true]], 'for a day both sign');

  await page.goto(at(`/portal/webhooks/${id}/rotate`));
  await page.getByLabel('Both keys sign for').fill('0');
  await page.getByRole('button', { name: 'Make the key' }).click();
  const third = await textOf(page.locator('#key'));
  await world.publish('FLIGHT_CREATE', [{ id: 'keys-2', subject: 'flight-2' }]);
  await world.arrived('hook', 2);
  const by = await Promise.all([key, second, third].map(verified));
  assert.deepEqual(by, [[true, false], [true, false], [false, true]], 'at once');
}

async function taken(world, page, { id }) {
  await ask('behave', { path: world.path('hook'), status: 200, body: 'stored <b>well</b>' });
  const before = (await world.log('hook')).length;
  await page.goto(at(`/portal/webhooks/${id}`));
  await page.getByRole('button', { name: 'Send test event' }).click();
  await until('it says what became of it', async () => /The receiver took it/.test(await textOf(page.locator('#result'))));
  const [request] = (await world.arrived('hook', before + 1)).slice(before);
  const shown = await page.locator('#result').textContent();
  assert.match(shown, /Answer 200.* after (under 1|\d+) ms/);
  assert(shown.includes(request.id), 'the request is shown');
  assert.doesNotMatch(shown, /had no body/, 'it had one');
  const body = page.getByLabel('Body of the request');
  assert.deepEqual(JSON.parse(await body.textContent()), JSON.parse(request.body));
  const names = await textsOf(page.locator('#result .head-lines dt'));
  const values = await textsOf(page.locator('#result .head-lines dd'));
  const headers = Object.fromEntries(names.map((name, place) => [name, values[place]]));
  for (const secret of ['x-api-key', 'webhook-signature']) assert.equal(headers[secret], 'hidden');
  assert.equal(headers['webhook-id'], request.headers['webhook-id']);
  assert.equal(headers['content-type'], request.headers['content-type']);
  assert.doesNotMatch(await page.content(), /secret-of-the-receiver/);
  assert.equal(request.headers['x-api-key'], 'secret-of-the-receiver');
  await accessible(page, 'a test event that was taken');
}

async function notTaken(world, page, { id }) {
  await ask('behave', { path: world.path('hook'), status: 500, body: '{"error":"no such table"}' });
  const before = (await world.log('hook')).length;
  await page.getByRole('button', { name: 'Send another' }).click();
  await until('it says so', async () => /The receiver did not take it/.test(await textOf(page.locator('#result'))));
  assert.match(await page.locator('#result').textContent(), /no such table/);
  await accessible(page, 'a test event that was not taken');
  // A test is sent once, whatever the policy is: nothing of it waits.
  const { deliveries } = await world.get(`/deliveries?subscriptionId=${id}`);
  assert.deepEqual(deliveries.map(({ status }) => status), ['EXPIRED', 'DELIVERED', 'DELIVERED', 'DELIVERED']);
  assert.equal((await world.log('hook')).length, before + 1);
}
