// Everything can be reached by keys alone, and the focus stays where one is.
import assert from 'node:assert/strict';
import { column, until } from '../until.mjs';

export default async function keyboard(world) {
  await world.subscribe('FLIGHT_CREATE', 'hook');
  await world.publish('FLIGHT_CREATE', [1, 2, 3].map((number) => ({ id: `keyboard-${number}`, subject: `flight-${number}` })));
  await world.deliveries('status=DELIVERED', 3);
  const { page } = await world.signedIn('/portal/deliveries');
  const focused = () => page.evaluate(() => ({ id: document.activeElement.id, text: document.activeElement.textContent.trim(), className: document.activeElement.className }));

  await page.keyboard.press('Tab');
  assert.equal((await focused()).text, 'Skip to the content', 'the first of all');
  const skip = await page.locator('.skip').boundingBox();
  assert(skip.x >= 0 && skip.y >= 0 && skip.height > 10, 'it is seen when it has the focus');
  await page.keyboard.press('Enter');
  await until('the focus is in the content', async () => (await focused()).id === 'main');

  const seen = await tabsThrough(page, focused);
  for (const id of ['f-since', 'f-type', 'f-subject', 'f-webhook', 'f-status', 'f-attempts', 'f-last', 'f-next']) assert(seen.some((one) => one.id === id), `${id} is reached`);
  const toggle = page.locator('#rows a.toggle').first();
  const id = await toggle.getAttribute('id');
  await toggle.focus();
  for (const expanded of ['true', 'false', 'true']) {
    await page.keyboard.press('Enter');
    await until(`it is ${expanded === 'true' ? 'open' : 'shut'}`, async () => (await page.locator(`[id="${id}"]`).getAttribute('aria-expanded')) === expanded);
    await until('the focus is where it was', async () => (await focused()).id === id);
  }

  // A filter answers while one types, and takes nothing away from who types.
  await page.locator('#f-subject').focus();
  await page.keyboard.type('flight-2', { delay: 30 });
  await until('it is filtered', async () => (await column(page, 'Subject')).join() === 'flight-2');
  assert.equal((await focused()).id, 'f-subject');
  assert.equal(await page.locator('#f-subject').inputValue(), 'flight-2');
  await form(page);
}

/** All that Tab leads to from here on; each is seen to have the focus. */
async function tabsThrough(page, focused) {
  const seen = [];
  for (let steps = 0; steps < 60; steps += 1) {
    await page.keyboard.press('Tab');
    const one = await focused();
    if (one.id === '' && one.text === '') break;
    const ring = await page.evaluate(() => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
      return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    });
    assert(ring || one.className.includes('vh'), `the focus is not seen at ${JSON.stringify(one).slice(0, 200)}`);
    seen.push(one);
    if (one.className.includes('toggle')) break;
  }
  return seen;
}

/** Enter saves, and the folds open by keys. */
async function form(page) {
  await page.goto(new URL('/portal/webhooks/new', page.url()).href);
  await page.getByLabel('URL', { exact: true }).focus();
  await page.keyboard.type('nothing');
  await page.keyboard.press('Enter');
  await page.locator('#errors').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'errors');
  await page.locator('#errors a[href="#url"]').focus();
  await page.keyboard.press('Enter');
  await until('the summary leads to the field', () => page.evaluate(() => document.activeElement.id === 'url'));
  await page.locator('summary').filter({ hasText: 'Limits' }).focus();
  await page.keyboard.press('Enter');
  await until('it opens', () => page.locator('#rate').isVisible());
}
