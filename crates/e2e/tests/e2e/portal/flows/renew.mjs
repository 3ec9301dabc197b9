// Renewing, as an api sees it whose clock is late: too early, in the last five days, and when it is over.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { ask, at } from '../rig.mjs';
import { heading, plain, textOf, until } from '../until.mjs';

export default async function renew(world) {
  const { id, expirationDateTime } = await world.subscribe('FLIGHT_CREATE', 'hook');
  const never = await world.subscribe('PRODUCT_ADDED', 'products', { contractId: 'C-100' });
  const visitor = await world.signedIn('/portal/webhooks', { timezoneId: 'Asia/Kolkata' });
  const { page } = visitor;
  assert.equal(await page.locator('#rows').getByRole('link', { name: /^Renew/ }).count(), 0);
  await visitor.open(`/portal/webhooks/${id}/renew`);
  assert.equal(await heading(page), 'Not yet');
  await accessible(page, 'renewing too early');
  await visitor.open(`/portal/webhooks/${never.id}/renew`);
  assert.equal(await heading(page), 'It never expires');

  await ask('restart', { laterByDays: 26 });
  // The session is older than it may be there.
  await visitor.signIn('/portal/webhooks?can=renew');
  await page.locator('#rows').getByRole('link', { name: /^Renew webhook 1/ }).click();
  assert.equal(await heading(page), 'Renew this webhook?');
  await accessible(page, 'asking whether to renew');
  const times = await page.locator('dl.facts time').evaluateAll((all) => all.map(({ dateTime, textContent }) => [dateTime, textContent]));
  const then = aMonthAfter(expirationDateTime);
  assert.deepEqual(times.map(([iso]) => iso), [expirationDateTime, then]);
  assert.equal(plain(times[1][1]), inKolkata(then), 'in the zone of the viewer');
  await page.getByRole('button', { name: /^Renew until/ }).click();
  await until('it is said', async () => /renewed/i.test(await textOf(page.locator('[role=status].say').first())));
  const { expirationDateTime: now, status } = await world.get(`/subscriptions/${id}`);
  assert.deepEqual([now, status], [then, 'ACTIVE']);

  await ask('restart', { laterByDays: 100 });
  await visitor.signIn('/portal/webhooks');
  assert.match(await textOf(page.locator('#rows tr').first().locator('td[data-label="Status"]')), /Inactive\s*Expired/);
  await page.goto(at(`/portal/webhooks/${id}/renew`));
  assert.equal(await heading(page), 'It has expired');
  await accessible(page, 'renewing too late');
  await ask('restart');
}

/** A calendar month; the day of the next month, or its last one. */
function aMonthAfter(text) {
  const time = new Date(text);
  const day = time.getUTCDate();
  time.setUTCMonth(time.getUTCMonth() + 1);
  if (time.getUTCDate() !== day) time.setUTCDate(0);
  return time.toISOString();
}

function inKolkata(text) {
  const format = { timeZone: 'Asia/Kolkata', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-GB', format).formatToParts(new Date(text)).map(({ type, value }) => [type, value]));
  return `${parts.day} ${parts.month.slice(0, 3)} ${parts.year}, ${parts.hour}:${parts.minute}:${parts.second}`;
}
