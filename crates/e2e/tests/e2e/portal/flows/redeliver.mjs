// Redelivering one, and all that the filters leave: the receiver's own log says what came.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { heading, textOf, until, untilColumn } from '../until.mjs';
import { set } from './list.mjs';

const GIVEN_UP = 5;

export default async function redeliver(world) {
  await world.behave('hook', 500);
  const { id } = await world.subscribe('FLIGHT_CREATE', 'hook', { policy: 'twice' });
  const events = Array.from({ length: GIVEN_UP }, (_, number) => ({ id: `redeliver-${number}`, subject: `flight-${number}` }));
  await world.publish('FLIGHT_CREATE', events);
  const given = await world.deliveries(`status=ESCALATED`, GIVEN_UP);
  await world.behave('hook', 200);
  const before = (await world.log('hook')).length;
  const { page } = await world.signedIn('/portal/deliveries');
  await one(world, page, given[0], before);
  await filtered(world, page, id, before);
}

async function one(world, page, { id, webhookId, subject }, before) {
  await page.goto(at(`/portal/deliveries/${id}`));
  await accessible(page, 'a delivery that was given up');
  await page.getByLabel(/^Why/).fill('the receiver was mended');
  await page.getByRole('button', { name: 'Redeliver' }).click();
  const log = await world.arrived('hook', before + 1);
  assert.equal(log.at(-1).id, webhookId, `it is that of ${subject}`);
  await until('its page says so', async () => /Delivered/.test(await textOf(page.locator('main'))) || (await page.reload()) === null);
}

async function filtered(world, page, subscription, before) {
  await page.goto(at('/portal/deliveries'));
  await set(page, 'status', 'ESCALATED');
  await set(page, 'webhook', subscription);
  const offered = page.locator('#again').getByRole('link');
  await until('it is offered', async () => (await offered.count()) === 1 && new URL(page.url()).searchParams.get('webhook') === subscription);
  await offered.click();
  // One of them was sent again already, and is not sent twice.
  await until('it asks first', async () => /^Redeliver/.test(await heading(page)));
  assert.match(await textOf(page.locator('dl.facts')), /Given up/);
  assert.equal((await world.log('hook')).length, before + 1, 'nothing is sent by asking');
  await accessible(page, 'asking whether to redeliver many');
  await page.locator('form.ask').getByRole('button', { name: /^Redeliver/ }).click();
  await until('a task', () => new URL(page.url()).pathname.startsWith('/portal/tasks/'));
  const log = await world.arrived('hook', before + GIVEN_UP);
  await until('it has ended', async () => /Done|Ended|Finished|Completed/i.test(await textOf(page.locator('#task'))));
  await accessible(page, 'a task that has ended');
  assert.deepEqual(new Set(log.slice(before).map(({ id }) => id)).size, GIVEN_UP, 'each once');
  await page.goto(at('/portal/deliveries?status=ESCALATED'));
  await untilColumn(page, 'Attempts', Array(GIVEN_UP).fill('2'));
  assert.equal((await world.log('hook')).length, before + GIVEN_UP, 'and none twice');
}
