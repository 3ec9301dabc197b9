// Whatever somebody typed, published or answered, is text wherever it is shown: nothing of it runs, and all of it can be read.
import assert from 'node:assert/strict';
import { at } from '../rig.mjs';
import { textOf, textsOf, until } from '../until.mjs';

const RUN = 'window.hacked=1;alert(1)';
/** In each field that takes free text. */
const TEXTS = [
  `<script>${RUN}</script>`,
  `"><img src=x onerror="${RUN}">`,
  `'><svg/onload=${RUN}>`,
  `</textarea></title></code><script>${RUN}</script>`,
  `javascript:${RUN}`,
  '{{7*7}} ${7*7} <%= 7*7 %> {% raw %}',
  `" autofocus onfocus="${RUN}" x="`,
  `&lt;script&gt;${RUN}&lt;/script&gt; &amp;`,
  '=cmd|\'/c calc\'!A1',
  '\u202egnp.exe\u2066 \u200f left',
  'x'.repeat(10_000),
];

export default async function hostile(world) {
  const visitor = await world.signedIn();
  await inTheForm(world, visitor);
  await inTheLists(world, visitor);
  await inEvents(world, visitor);
  await inAddresses(visitor);
}

async function nothingRan(page, what) {
  assert.equal(await page.evaluate(() => window.hacked), undefined, what);
  const strange = 'main script, main img, main [onerror], main [onload], main [onfocus], main [onclick], main [onmouseover], main iframe, main a[href^="javascript"]';
  assert.deepEqual(await page.locator(strange).evaluateAll((all) => all.map(({ outerHTML }) => outerHTML.slice(0, 100))), [], what);
}

/** What REST refuses comes back as it was typed. */
async function inTheForm(world, { page }) {
  const all = ['url', 'name', 'template', 'header-name-1', 'auth-user', 'rate', 'burst', 'open', 'timeout'];
  // What does not fit into a form as a whole is refused as a whole.
  const tries = TEXTS.flatMap((text) => (text.length < 1_000 ? [[text, all]] : [[text, all.slice(0, 4)], [text, all.slice(4)]]));
  for (const [text, fields] of tries) {
    await page.goto(at('/portal/webhooks/new'));
    await page.locator('details.fold').evaluateAll((all) => all.forEach((fold) => { fold.open = true; }));
    await page.locator('#body-own').check();
    await page.locator('#auth-basic').check();
    for (const id of fields) await page.locator(`#${id}`).fill(text);
    await page.locator('#event').selectOption('OrderDisrupted');
    await page.getByRole('button', { name: 'Add webhook' }).click();
    await page.locator('#errors').waitFor();
    await nothingRan(page, text.slice(0, 40));
    for (const id of fields) assert.equal(await page.locator(`#${id}`).inputValue(), text, `${id} of ${text.slice(0, 40)}`);
  }
  assert.deepEqual(await world.get('/subscriptions'), []);
  // A choice that was never offered.
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const answered = await page.evaluate(async ([form]) => {
    const answer = await fetch('/portal/webhooks/new', { method: 'POST', body: new URLSearchParams(form) });
    return [answer.status, await answer.text()];
  }, [{ csrf, contract: TEXTS[1], url: TEXTS[0], event: TEXTS[0], status: TEXTS[1], profile: TEXTS[1], policy: TEXTS[1], environment: TEXTS[0], body: TEXTS[1], auth: TEXTS[1] }]);
  assert.equal(answered[0], 400, 'choices that nobody has');
  for (const piece of ['<script>window', '<img', '<svg/onload']) assert(!answered[1].includes(piece), piece);
}

async function inTheLists(world, { page }) {
  const names = TEXTS.filter((text) => text.length <= 100);
  const { contracts } = await world.get('/me');
  const evil = encodeURI(`a"b'c<d>?x=<script>${RUN}</script>&y="onmouseover="${RUN}`);
  for (const [place, name] of names.entries()) {
    const contractId = contracts[place % contracts.length];
    await world.subscribe('PRODUCT_ADDED', 'hook', { name, contractId, callbackUrl: world.url(`${place}-${evil}`) });
  }
  const all = await world.get('/subscriptions');
  await page.goto(at('/portal/webhooks?columns=contract&columns=expires&columns=last'));
  const plain = (text) => text.replace(/\s+/g, ' ').trim();
  assert.deepEqual(await textsOf(page.locator('#rows td[data-label="URL"] a.url')), all.map(({ callbackUrl }) => plain(callbackUrl)));
  assert.deepEqual(await textsOf(page.locator('#rows td[data-label="URL"] .note')), all.map(({ name }) => plain(name)));
  assert.deepEqual(await textsOf(page.locator('#rows td[data-label="Contract"]')), all.map(({ contractId }) => plain(contractId)));
  await nothingRan(page, 'the list');
  for (const { id, name, callbackUrl } of all) {
    for (const path of ['', '/edit', '/delete', '/rotate', '/renew', '/test']) {
      await page.goto(at(`/portal/webhooks/${id}${path}`));
      await nothingRan(page, `${path} of ${name}`);
      if (path === '/edit') assert.equal(await page.locator('#name').inputValue(), name);
      if (path === '/delete') assert((await textOf(page.locator('dl.facts'))).includes(callbackUrl));
    }
    await world.rest('DELETE', `/subscriptions/${id}`);
  }
}

async function inEvents(world, { page }) {
  const text = `<script>${RUN}</script>"'><img src=x onerror=${RUN}>\u202e=1+1`;
  await world.behave('orders', 400, `<script>${RUN}</script><b>"answer'</b>`, { 'content-type': 'text/html' });
  const { id } = await world.subscribe('OrderCreated', 'orders', { policy: 'twice', name: TEXTS[1] });
  const subject = text.slice(0, 60);
  await world.publish('OrderCreated', [{ id: `hostile-${TEXTS[0]}`, subject, data: { agwID: text, note: TEXTS.join(' ') } }]);
  const [delivery] = await world.deliveries('status=ESCALATED', 1);
  const escalation = await until('it is given up', async () => (await world.get('/escalations?state=open')).escalations[0]);
  const pages = [`/portal/webhooks/${id}`, '/portal/deliveries', `/portal/deliveries/${delivery.id}`, `/portal/deliveries/${delivery.id}/redeliver`, '/portal/escalations',
    `/portal/escalations/${escalation.id}`, `/portal/events?q=${encodeURIComponent(subject)}`, `/portal/events/${encodeURIComponent(delivery.eventId)}`,
    `/portal/deliveries/redeliver?status=ESCALATED&subject=${encodeURIComponent(subject)}`];
  for (const path of pages) {
    await page.goto(at(path));
    await nothingRan(page, path);
    if (path !== `/portal/webhooks/${id}`) assert((await textOf(page.locator('main'))).includes(subject.replace(/\s+/g, ' ')), `${path} shows what it is about`);
  }
  await page.goto(at(`/portal/deliveries/${delivery.id}`));
  assert((await page.locator('main').textContent()).includes(`<script>${RUN}</script><b>"answer'</b>`), 'the answer is shown');
  await page.goto(at(`/portal/escalations/${escalation.id}`));
  await page.getByLabel('Reason', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await until('it is dismissed', async () => (await world.get('/escalations?state=dismissed')).escalations.length === 1);
  await page.goto(at('/portal/escalations?state=all'));
  assert((await textOf(page.locator('#rows'))).includes(text));
  await nothingRan(page, 'a reason');
}

/** In every parameter that a page reads. */
async function inAddresses({ page }) {
  const names = ['no', 'url', 'type', 'status', 'can', 'contract', 'expires', 'last', 'sort', 'columns', 'page', 'q', 'since', 'from', 'until', 'subject', 'webhook', 'attempts', 'next',
    'state', 'reason', 'fault', 'after', 'at', 'done', 'says', 'to', 'event', 'contract', 'why'];
  const paths = ['/portal/webhooks', '/portal/webhooks/new', '/portal/deliveries', '/portal/escalations', '/portal/events', '/portal/catalogue', '/portal/sign-in', '/portal/deliveries/redeliver'];
  for (const text of [`"><script>${RUN}</script>`, 'x'.repeat(1_500), '\u202e\u0000%00']) {
    for (const path of paths) {
      await page.goto(at(`${path}?${new URLSearchParams(names.map((name) => [name, text.replace('\u0000', '')]))}`));
      await nothingRan(page, `${path} with ${text.slice(0, 30)}`);
    }
  }
}
