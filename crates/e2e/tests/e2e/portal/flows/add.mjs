// Adding a webhook: what is wrong stands beside its field, nothing typed is lost, and the key that is shown once signs.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { ask } from '../rig.mjs';
import { heading, textOf, until } from '../until.mjs';

const TEMPLATE = '{"orderID": "{{agwID}}", "freeText": "Order {{agwID}} is {{orderStatus}}"}';

export default async function add(world) {
  const { page } = await world.signedIn();
  await page.getByRole('link', { name: 'Add webhook' }).click();
  assert.equal(await heading(page), 'Add webhook');
  await accessible(page, 'the form');
  await saysWhatIsWrong(page);
  await page.getByLabel('URL', { exact: true }).fill(world.url('orders'));
  await page.getByLabel('Body', { exact: true }).fill(TEMPLATE);
  await until('the preview is the example', async () => /AGW-\d+/.test(await textOf(page.locator('#preview'))));
  await page.getByLabel('Attempts a minute').fill('600');
  await page.locator('#header-name-1').fill('x-tenant');
  await page.locator('#header-value-1').fill('secret of the tenant');
  await accessible(page, 'the form with all of it open');
  await page.getByRole('button', { name: 'Add webhook' }).click();
  const key = await keyIsShownOnce(world, page);
  await isDelivered(world, key);
  await ofAContract(world, page);
}

async function saysWhatIsWrong(page) {
  await page.getByLabel('URL', { exact: true }).fill('http://insecure.example/hook');
  await page.getByLabel('Event Type', { exact: true }).selectOption('OrderDisrupted');
  await until('it says what the type tells', async () => !/Choose a type/.test(await textOf(page.locator('#event-about'))));
  await page.getByText('Body and headers').click();
  await page.getByLabel('A body of its own').check();
  await page.getByLabel('Body', { exact: true }).fill('{"orderID": {{agwID}');
  await page.locator('summary').filter({ hasText: 'Limits' }).click();
  await page.getByLabel('Attempts a minute').fill('often');
  await page.getByLabel('Inactive').check();
  await page.getByLabel('Active', { exact: true }).check();
  const answer = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/new'));
  await page.getByRole('button', { name: 'Add webhook' }).click();
  assert.equal((await answer).status(), 400);

  const summary = page.locator('#errors');
  await summary.waitFor();
  assert.equal(await summary.getAttribute('role'), 'alert');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'errors', 'who does not see the page is told');
  for (const [id, says] of [['url', /https/i], ['template', /JSON/], ['rate', /whole number/]]) {
    const field = page.locator(`#${id}`);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', id);
    const described = (await field.getAttribute('aria-describedby')).split(' ');
    assert(described.includes(`${id}-error`), `${id} is described by ${described}`);
    assert.match(await textOf(page.locator(`#${id}-error`)), says);
    assert(await page.locator(`#${id}-error`).isVisible(), `the error of ${id} is in a fold that is shut`);
    assert.equal(await summary.locator(`a[href="#${id}"]`).count(), 1, `the summary leads to ${id}`);
  }
  assert.equal(await page.getByLabel('URL', { exact: true }).inputValue(), 'http://insecure.example/hook');
  assert.equal(await page.getByLabel('Event Type', { exact: true }).inputValue(), 'OrderDisrupted');
  assert.equal(await page.getByLabel('Body', { exact: true }).inputValue(), '{"orderID": {{agwID}');
  assert.equal(await page.getByLabel('Attempts a minute').inputValue(), 'often');
  assert(await page.getByLabel('A body of its own').isChecked());
  await accessible(page, 'the form with errors');
}

async function keyIsShownOnce(world, page) {
  await until('the key', async () => (await page.locator('#key').count()) === 1);
  const key = await textOf(page.locator('#key'));
  assert.match(key, /^whsec_[A-Za-z0-9+/]{40,}=*$/);
  await accessible(page, 'the key');
  const [subscription] = await world.get('/subscriptions');
  assert.deepEqual(subscription.limits, { ratePerMinute: 600 });
  assert.equal(subscription.httpRequest.jsonBody.orderID, '{{agwID}}');

  // The form is sent again, as a browser does that loads the page anew.
  await page.reload();
  assert.match(await heading(page), /there/);
  assert.equal((await world.get('/subscriptions')).length, 1, 'it is not made twice');

  await page.goto(new URL(`/portal/webhooks/${subscription.id}`, page.url()).href);
  for (const path of ['', '/edit']) {
    await page.goto(new URL(`/portal/webhooks/${subscription.id}${path}`, page.url()).href);
    const content = await page.content();
    for (const secret of [key, 'secret of the tenant']) assert(!content.includes(secret), `a secret stands at ${path}`);
  }
  return key;
}

async function isDelivered(world, key) {
  await world.publish('OrderDisrupted', [{ id: 'add-1', subject: 'AGW-7', data: { agwID: 'AGW-7', orderStatus: 'on hold' } }]);
  const [{ headers, body }] = await world.arrived('orders', 1);
  assert.deepEqual(JSON.parse(body), { orderID: 'AGW-7', freeText: 'Order AGW-7 is on hold' });
  assert.equal(headers['x-tenant'], 'secret of the tenant');
  assert.deepEqual(await ask('verify', { path: world.path('orders'), key }), [true]);
}

/** As partners of insurance-like products do it: a contract, a URL, an event type and a status. */
async function ofAContract(world, page) {
  await page.goto(new URL('/portal/webhooks/new', page.url()).href);
  const offered = await page.getByLabel('Contract', { exact: true }).locator('option').allTextContents();
  assert.deepEqual(offered.map((text) => text.trim()), ['None', 'C-100', 'C-200']);
  await page.getByLabel('Contract', { exact: true }).selectOption('C-200');
  await page.getByLabel('URL', { exact: true }).fill(world.url('products'));
  await page.getByLabel('Event Type', { exact: true }).selectOption({ label: 'Product Added · PRODUCT_ADDED' });
  await page.getByLabel('Inactive').check();
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await page.locator('#key').waitFor();
  const made = (await world.get('/subscriptions')).find(({ event }) => event === 'PRODUCT_ADDED');
  const { contractId, callbackUrl, status, profile, expirationDateTime = null } = made;
  assert.deepEqual({ contractId, callbackUrl, status, profile, expirationDateTime },
    { contractId: 'C-200', callbackUrl: world.url('products'), status: 'INACTIVE', profile: 'portal', expirationDateTime: null });
}
