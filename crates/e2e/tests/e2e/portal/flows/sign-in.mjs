// Signing in and out, and what a session outlives and what it does not.
import assert from 'node:assert/strict';
import { accessible } from '../axe.mjs';
import { ask, at, told } from '../rig.mjs';
import { heading, textOf, until } from '../until.mjs';

const WANTED = '/portal/webhooks?status=ACTIVE';

export default async function signIn(world) {
  const visitor = await world.visitor();
  await isAskedEverywhere(visitor);
  await refused(visitor);
  await letIn(visitor, world);
  await outlivesTheApi(visitor);
  await signsOut(visitor);
  await onlyLeadsBackHere(world);
  await endsWithItsToken(visitor, world);
}

/** Whoever is not signed in sees nothing, be it there or not. */
async function isAskedEverywhere(visitor) {
  const paths = ['/portal/webhooks', '/portal/webhooks/new', '/portal/webhooks/download', '/portal/webhooks/an-id', '/portal/webhooks/an-id/edit', '/portal/webhooks/an-id/delete',
    '/portal/deliveries', '/portal/deliveries/an-id', '/portal/deliveries/an-id/row', '/portal/tasks/an-id', '/portal/escalations', '/portal/escalations/an-id', '/portal/events?q=EXA101',
    '/portal/events/an-id', '/portal/catalogue', '/portal/catalogue/FLIGHT_CREATE'];
  for (const path of paths) {
    await visitor.open(path);
    const { pathname, searchParams } = new URL(visitor.page.url());
    assert.deepEqual([pathname, searchParams.get('to')], ['/portal/sign-in', path]);
  }
}

async function refused(visitor) {
  const { page } = visitor;
  await page.goto(at(WANTED));
  assert.equal(new URL(page.url()).pathname, '/portal/sign-in');
  await accessible(page, 'signing in');
  const answer = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByLabel('Application').fill(told.client);
  await page.getByLabel('Operator token').fill('nobody has this token');
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.equal((await answer).status(), 401);
  assert.match(await textOf(page.getByRole('alert')), /That did not work/);
  assert.equal(await page.getByLabel('Application').inputValue(), told.client, 'it is typed once');
  assert.equal(await page.getByLabel('Operator token').inputValue(), '', 'a token never comes back');
  await until('the token is typed next', () => page.evaluate(() => document.activeElement.id === 'token'));
  await accessible(page, 'signing in with a wrong token');
  assert.deepEqual((await page.context().cookies()).map(({ name }) => name), ['tz']);
}

async function letIn(visitor, world) {
  await visitor.fillIn(world.token);
  await until('it leads back to where one was', () => visitor.path() === WANTED);
  const { httpOnly, secure, sameSite, path, domain, expires, value } = await visitor.session();
  assert.deepEqual({ httpOnly, secure, sameSite, path, domain }, { httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: '127.0.0.1' });
  assert.equal(expires, -1, 'it ends with the browser');
  for (const secret of [world.token, Buffer.from(world.token).toString('base64'), told.client]) assert(!value.includes(secret));
  assert.equal(await visitor.page.evaluate(() => document.cookie.includes('aerogram')), false, 'no script can read it');
}

async function outlivesTheApi(visitor) {
  await ask('restart');
  const answer = await visitor.open('/portal/webhooks');
  assert.equal(answer.status(), 200);
  assert.equal(await heading(visitor.page), 'Webhooks');
  assert.equal(visitor.path(), '/portal/webhooks');
}

async function signsOut(visitor) {
  const { page } = visitor;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await until('the page to sign in', () => new URL(page.url()).pathname === '/portal/sign-in');
  assert.match(await textOf(page.getByRole('status')), /You are signed out/);
  assert.equal(await visitor.session(), undefined);
  await page.goBack();
  await until('the page before is not kept', () => new URL(page.url()).pathname === '/portal/sign-in');
}

/** Wherever it is asked to lead. */
async function onlyLeadsBackHere(world) {
  for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)', '/api/v2/webhooks/docs/']) {
    const visitor = await world.visitor();
    await visitor.open(`/portal/sign-in?to=${encodeURIComponent(to)}`);
    await visitor.fillIn(world.token);
    await until(`a page of the portal, not ${to}`, async () => visitor.path() === '/portal/webhooks' && (await heading(visitor.page)) === 'Webhooks');
  }
}

async function endsWithItsToken(visitor, world) {
  await visitor.signIn();
  await ask('revoke', { token: world.token });
  await until('the session ends', async () => {
    await visitor.open('/portal/webhooks');
    return new URL(visitor.page.url()).pathname === '/portal/sign-in';
  });
  assert.match(await textOf(visitor.page.getByRole('status')), /Your session has ended/);
}
