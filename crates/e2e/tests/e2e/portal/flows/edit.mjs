// Editing: contract and event type of a product webhook, secrets that stay, and two people at one form.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { at } from '../rig.mjs';
import { heading, textOf, until } from '../until.mjs';

export default async function edit(world) {
  const made = await world.subscribe('PRODUCT_ADDED', 'products', { contractId: 'C-100' });
  const { page } = await world.signedIn();
  await page.locator('#rows').getByRole('link', { name: /^Edit/ }).click();
  assert.equal(await heading(page), 'Edit webhook');
  const field = (name) => page.getByLabel(name, { exact: true });
  assert.deepEqual([await field('Contract').inputValue(), await field('URL').inputValue(), await field('Event Type').inputValue()],
    ['C-100', made.callbackUrl, 'PRODUCT_ADDED']);
  await accessible(page, 'the form of a webhook');
  await movesElsewhere(world, page, made);
  await secretsStay(world, page);
  await saysWhatIsWrong(page, made);
  await whoComesSecondIsAsked(world, page, made);
}

async function movesElsewhere(world, page, { id }) {
  await page.getByLabel('Contract', { exact: true }).selectOption('C-200');
  await page.getByLabel('Event Type', { exact: true }).selectOption({ label: 'Product Removed · PRODUCT_REMOVED' });
  await page.getByRole('button', { name: 'Save changes' }).click();
  await until('it is said', async () => /saved/i.test(await textOf(page.locator('[role=status].say'))));
  const { event, contractId, status } = await world.get(`/subscriptions/${id}`);
  assert.deepEqual([event, contractId, status], ['PRODUCT_REMOVED', 'C-200', 'ACTIVE']);

  const [before, other, now] = ['edit-before', 'edit-other-contract', 'edit-now'];
  await world.publish('PRODUCT_ADDED', [{ id: before, contract: 'C-200' }]);
  await world.publish('PRODUCT_REMOVED', [{ id: other, contract: 'C-100' }, { id: now, contract: 'C-200' }]);
  await world.arrived('products', 1);
  for (const unwanted of [before, other]) {
    const { events } = await world.story(unwanted);
    assert.deepEqual(events.flatMap(({ deliveries }) => deliveries), [], 'it is for nobody any more');
  }
  const log = await world.log('products');
  assert.deepEqual(log.map(({ body }) => JSON.parse(body).type), ['PRODUCT_REMOVED']);
}

async function secretsStay(world, page) {
  const header = { 'x-tenant': 'secret of the tenant' };
  const httpRequest = { header, jsonBody: { order: '{{agwID}}' } };
  const authentication = { type: 'bearer', token: 'secret-of-the-receiver' };
  const { id } = await world.subscribe('OrderCreated', 'orders', { httpRequest, authentication });
  await page.goto(at(`/portal/webhooks/${id}/edit`));
  for (const fold of ['Body and headers', 'Authentication']) {
    const summary = page.locator('summary').filter({ hasText: fold });
    if ((await summary.locator('..').getAttribute('open')) === null) await summary.click();
  }
  assert(await page.locator('#body-keep').isChecked());
  assert(await page.locator('#auth-keep').isChecked());
  assert.doesNotMatch(await page.content(), /secret[ -]of[ -]the/);
  await accessible(page, 'the form of a webhook with secrets');
  await page.getByLabel('URL', { exact: true }).fill(world.url('orders-2'));
  await page.getByRole('button', { name: 'Save changes' }).click();
  await until('it is saved', async () => (await world.get(`/subscriptions/${id}`)).callbackUrl === world.url('orders-2'));
  await world.publish('OrderCreated', [{ id: 'edit-order', subject: 'AGW-1', data: { agwID: 'AGW-1' } }]);
  const [{ headers, body }] = await world.arrived('orders-2', 1);
  assert.deepEqual([headers['x-tenant'], headers.authorization], ['secret of the tenant', 'Bearer secret-of-the-receiver']);
  assert.deepEqual(JSON.parse(body), { order: 'AGW-1' });
}

async function saysWhatIsWrong(page, { id, callbackUrl }) {
  await page.goto(at(`/portal/webhooks/${id}/edit`));
  await page.getByLabel('URL', { exact: true }).fill('https://10.0.0.1/inside');
  await page.getByLabel('Inactive').check();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.locator('#url-error').waitFor();
  assert.equal(await page.getByLabel('URL', { exact: true }).inputValue(), 'https://10.0.0.1/inside');
  assert(await page.getByLabel('Inactive').isChecked());
  await page.getByRole('link', { name: 'Cancel' }).click();
  assert((await page.content()).includes(new URL(callbackUrl).host));
}

async function whoComesSecondIsAsked(world, page, { id }) {
  await page.goto(at(`/portal/webhooks/${id}/edit`));
  const somebody = await world.rest('PATCH', `/subscriptions/${id}`, { status: 'INACTIVE' });
  assert.equal(somebody.status, 200);
  await page.getByLabel('URL', { exact: true }).fill(world.url('mine'));
  const answer = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('button', { name: 'Save changes' }).click();
  assert.equal((await answer).status(), 412);
  await until('it says so', async () => /Somebody changed this webhook/.test(await textOf(page.getByRole('alert'))));
  await accessible(page, 'a conflict');
  const now = () => world.get(`/subscriptions/${id}`);
  assert.equal((await now()).callbackUrl, world.url('products'), 'nothing is saved yet');
  await page.getByRole('button', { name: 'Save mine over it' }).click();
  await until('mine is saved', async () => (await now()).callbackUrl === world.url('mine'));
}
