// Two operators see nothing of each other; another's ids are nothing, on every kind of page.
import assert from 'node:assert/strict';
import { column, textOf, until } from '../until.mjs';
import { at } from '../rig.mjs';

export default async function strangers(world) {
  const others = world.other('others');
  await others.behave('secret-of-others', 500);
  const { id } = await others.subscribe('FLIGHT_CREATE', 'secret-of-others', { policy: 'twice' });
  await others.publish('FLIGHT_CREATE', [{ id: 'event-of-others', subject: 'flight-of-others', data: { flightNumber: 'OTH1' } }]);
  const [delivery] = await others.deliveries('status=ESCALATED', 1);
  const escalation = await until('it is given up', async () => (await others.get('/escalations?state=open')).escalations[0]);
  const { json: task } = await others.rest('POST', '/redeliveries', { status: 'DELIVERED', subscriptionId: id });

  assert.equal(typeof task.id, 'string');

  await world.subscribe('FLIGHT_CREATE', 'own');
  await world.publish('FLIGHT_CREATE', [{ id: 'event-of-ours', subject: 'flight-of-ours' }]);
  await world.deliveries('status=DELIVERED', 1);
  const visitor = await world.signedIn();
  const { page } = visitor;

  const pages = [
    ...['', '/edit', '/delete', '/renew', '/rotate', '/test'].map((more) => `/portal/webhooks/${id}${more}`),
    ...['', '/redeliver'].map((more) => `/portal/deliveries/${delivery.id}${more}`),
    `/portal/escalations/${escalation.id}`,
    `/portal/tasks/${task.id}`,
    '/portal/webhooks/nothing-has-this-id',
    '/portal/deliveries/msg_nothing',
    '/portal/escalations/nothing',
    '/portal/catalogue/NO_SUCH_TYPE',
    '/portal/nothing',
  ];
  for (const path of pages) await visitor.findsNothing(path);
  await noSuchEvent(page);

  await nothingIsDone(world, visitor, { id, delivery, escalation });
  await listsAreTheirOwn(page, { id });
  assert.deepEqual((await others.get('/subscriptions')).map(({ status }) => status), ['ACTIVE']);
  assert.equal((await others.log('secret-of-others')).length, 2, 'nothing was sent again');

  // The other one sees theirs.
  const theirs = await others.visitor();
  world.visitors.push(theirs);
  await theirs.signIn(`/portal/webhooks/${id}`);
  assert.match(await textOf(theirs.page.locator('h1')), /secret-of-others/);
}

/** The search says that it knows nothing, in the same words of what is another's and of what nobody has. */
async function noSuchEvent(page) {
  for (const id of ['event-of-others', 'event-of-nobody']) {
    const answer = await page.goto(at(`/portal/events/${id}`));
    assert.equal(answer.status(), 404);
    assert.match(await textOf(page.locator('main')), new RegExp(`Nothing is known of ${id}`));
  }
}

/** Posts with a good token of one's own session, to another's ids. */
async function nothingIsDone(world, { page }, { id, delivery, escalation }) {
  await page.goto(at('/portal/webhooks'));
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const posts = [
    ...['edit', 'delete', 'renew', 'rotate', 'test'].map((what) => `/portal/webhooks/${id}/${what}`),
    `/portal/deliveries/${delivery.id}/redeliver`,
    `/portal/escalations/${escalation.id}/redeliver`,
    `/portal/escalations/${escalation.id}/dismiss`,
  ];
  for (const path of posts) {
    const body = { csrf, etag: '"1"', once: btoa('x'.repeat(32)), why: 'because', url: world.url('mine'), event: 'FLIGHT_CREATE', overlap: '0', status: 'active' };
    const status = await page.evaluate(async ([to, form]) => (await fetch(to, { method: 'POST', body: new URLSearchParams(form) })).status, [path, body]);
    assert.equal(status, 404, `a post to ${path}`);
  }
}

async function listsAreTheirOwn(page, { id }) {
  for (const path of ['/portal/webhooks', '/portal/deliveries', `/portal/deliveries?webhook=${id}`, '/portal/deliveries?subject=flight-of-others',
    '/portal/escalations?state=all', '/portal/events?q=flight-of-others', '/portal/events?q=OTH1']) {
    await page.goto(at(path));
    // The address, which the visitor typed, may stand in the page.
    const text = (await page.locator('main').textContent()).replaceAll(new URL(at(path)).searchParams.get('q') ?? '-', '');
    assert.doesNotMatch(text, /secret-of-others|event-of-others|others\//, path);
  }
  await page.goto(at('/portal/deliveries'));
  assert.deepEqual(await column(page, 'Subject'), ['flight-of-ours']);
}
