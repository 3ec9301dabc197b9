// Deleting: it asks first, says what is cancelled, and nothing arrives afterwards.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { column, heading, textOf, until } from '../until.mjs';

export default async function remove(world) {
  await world.behave('gone', 503);
  const { id } = await world.subscribe('FLIGHT_CREATE', 'gone', { policy: 'steady' });
  await world.subscribe('FLIGHT_CREATE', 'stays');
  await world.publish('FLIGHT_CREATE', [{ id: 'remove-1', subject: 'flight-1' }, { id: 'remove-2', subject: 'flight-2' }]);
  await world.deliveries(`subscriptionId=${id}&status=RETRYING`, 2);

  const visitor = await world.signedIn();
  const { page } = visitor;
  const ask = () => page.locator('#rows').getByRole('link', { name: /^Delete webhook 1, / }).click();
  await ask();
  assert.equal(await heading(page), 'Delete this webhook?');
  assert.match(await textOf(page.locator('main')), /cannot be undone/);
  assert.match(await textOf(page.locator('main')), /2 deliveries.*cancelled.*2 retrying/i);
  assert((await textOf(page.locator('dl.facts'))).includes(world.url('gone')));
  await accessible(page, 'asking whether to delete');
  await page.getByRole('link', { name: 'Cancel' }).click();
  assert.equal((await world.rest('GET', `/subscriptions/${id}`)).status, 200);

  await visitor.open('/portal/webhooks');
  await ask();
  await page.getByRole('button', { name: 'Delete webhook' }).click();
  await until('it is said', async () => /deleted/.test(await textOf(page.locator('[role=status].say'))));
  assert.deepEqual(await column(page, 'URL'), [world.url('stays')]);
  assert.equal((await world.rest('GET', `/subscriptions/${id}`)).status, 404);
  await world.deliveries(`subscriptionId=${id}&status=CANCELLED`, 2);
  const arrivedBefore = (await world.log('gone')).length;

  await world.behave('gone', 200);
  await world.publish('FLIGHT_CREATE', [{ id: 'remove-3', subject: 'flight-1' }]);
  await world.arrived('stays', 3);
  const { events } = await world.story('remove-3');
  assert.deepEqual(events.flatMap(({ deliveries }) => deliveries.map(({ subscriptionId }) => subscriptionId)).filter((of) => of === id), []);
  assert.equal((await world.log('gone')).length, arrivedBefore, 'nothing more arrives');
  for (const path of ['', '/edit', '/delete', '/rotate', '/renew', '/test']) await visitor.findsNothing(`/portal/webhooks/${id}${path}`);
  await page.goto(at(`/portal/deliveries?webhook=${id}`));
  await until('its history stays', async () => (await column(page, 'Status')).length === 2);
}
