// What was given up: it is looked at, sent again, or dismissed with a reason.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { column, heading, textOf, textsOf, until, untilColumn } from '../until.mjs';
import { set } from './list.mjs';

const REASON = 'the flight is over <b>anyway</b> & done';

export default async function escalations(world) {
  const { page } = await world.signedIn('/portal/escalations');
  assert.match(await textOf(page.locator('main')), /Nothing to do here/);
  await accessible(page, 'no escalations');
  const hook = await givenUp(world);
  await page.reload();
  assert.match(await textOf(page.locator('nav .count')), /^3 open/);
  await accessible(page, 'escalations');
  await filters(page, hook);
  await again(world, page);
  await dismissed(world, page);
}

/** Three: two by a policy that ends, one whose receiver is gone for good. */
async function givenUp(world) {
  await world.behave('bad', 500, 'broken');
  await world.behave('gone', 410);
  const hook = await world.subscribe('FLIGHT_CREATE', 'bad', { policy: 'twice' });
  await world.subscribe('FLIGHT_CANCEL', 'gone');
  await world.publish('FLIGHT_CREATE', [{ id: 'escalations-1', subject: 'flight-1' }]);
  await world.deliveries('status=ESCALATED', 1);
  await world.publish('FLIGHT_CREATE', [{ id: 'escalations-2', subject: 'flight-2' }]);
  await world.deliveries('status=ESCALATED', 2);
  await world.publish('FLIGHT_CANCEL', [{ id: 'escalations-3', subject: 'flight-3' }]);
  await world.deliveries('status=ESCALATED', 3);
  await until('they are listed', async () => (await world.get('/escalations?state=open')).escalations.length === 3);
  return hook;
}

async function filters(page, { id }) {
  const all = ['flight-3', 'flight-2', 'flight-1'];
  await untilColumn(page, 'Subject', all);
  const cases = [
    ['type', 'FLIGHT_CANCEL', ['flight-3']],
    ['reason', 'gone', ['flight-3']],
    ['reason', 'exhausted', ['flight-2', 'flight-1']],
    ['fault', 'platform', []],
    ['webhook', id, ['flight-2', 'flight-1']],
    ['since', '24h', all],
    ['state', 'dismissed', []],
  ];
  for (const [name, value, expected] of cases) {
    await set(page, name, value);
    await untilColumn(page, 'Subject', expected, `${name}=${value}`);
    await set(page, name, '');
    await untilColumn(page, 'Subject', all);
  }
}

const inspect = (page, subject) => page.locator('#rows tr').filter({ hasText: subject }).getByRole('link', { name: /^Inspect/ }).click();

async function again(world, page) {
  await inspect(page, 'flight-1');
  assert.equal(await heading(page), 'Flight created, flight-1');
  assert.deepEqual(await textsOf(page.locator('main td[data-label="Result"]')), ['500', '500']);
  assert.match(await textOf(page.locator('main')), /broken/);
  await accessible(page, 'an escalation');
  await world.behave('bad', 200);
  const before = (await world.log('bad')).length;
  await page.getByLabel(/^Why/).fill('mended');
  await page.getByRole('button', { name: 'Redeliver' }).click();
  const log = await world.arrived('bad', before + 1);
  assert.equal(log.at(-1).nth, 3);
  await until('it is open no more', async () => (await world.get('/escalations?state=open')).escalations.length === 2);
}

async function dismissed(world, page) {
  await page.goto(at('/portal/escalations'));
  await inspect(page, 'flight-2');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await page.locator('#why2-error').waitFor();
  await accessible(page, 'dismissing without a reason');
  await page.getByLabel('Reason', { exact: true }).fill(REASON);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await until('it is dismissed', async () => (await world.get('/escalations?state=dismissed')).escalations.length === 1);
  const [{ resolution }] = (await world.get('/escalations?state=dismissed')).escalations;
  assert(JSON.stringify(resolution).includes(REASON));
  await page.goto(at('/portal/escalations?state=all'));
  await until('the list has it', async () => (await column(page, 'State')).some((text) => text.includes(`Dismissed“${REASON}”`)));
  assert.equal((await column(page, 'State')).length, 3);
  await page.goto(at('/portal/escalations'));
  await untilColumn(page, 'Subject', ['flight-3']);
  await until('the bar counts what is left', async () => /^1 open/.test(await textOf(page.locator('nav .count'))));
}
