// What another site may try with the browser of somebody who has signed in: nothing of it works.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { at, told } from '../rig.mjs';
import { heading, textOf, until } from '../until.mjs';

export default async function otherSites(world) {
  const { id } = await world.subscribe('FLIGHT_CREATE', 'hook');
  const visitor = await world.signedIn();
  await needsTheToken(world, visitor, id);
  await notFromElsewhere(world, visitor, id);
}

const there = async (world, id) => assert.equal((await world.get(`/subscriptions/${id}`)).status, 'ACTIVE', 'nothing was done');

/** A form is good only with the token of this very session. */
async function needsTheToken(world, { page }, id) {
  const other = await world.signedIn();
  const theirs = await other.page.locator('input[name="csrf"]').first().inputValue();
  const own = await page.locator('input[name="csrf"]').first().inputValue();
  assert.notEqual(own, theirs);
  for (const csrf of [undefined, '', theirs, own.slice(1), `${own}x`]) {
    for (const path of [`/portal/webhooks/${id}/delete`, `/portal/webhooks/${id}/rotate`, '/portal/webhooks/new', `/portal/webhooks/${id}/test`, '/portal/template-preview', '/portal/sign-out']) {
      const status = await page.evaluate(async ([to, form]) => (await fetch(to, { method: 'POST', body: new URLSearchParams(form) })).status, [path, csrf === undefined ? {} : { csrf }]);
      assert.equal(status, 403, `${path} with ${csrf}`);
    }
  }
  await there(world, id);
  assert.equal((await world.log('hook')).length, 0);
  // As it happens to people: a page stays open while they sign in anew.
  await page.goto(at(`/portal/webhooks/${id}/delete`));
  await page.locator('input[name="csrf"]').evaluateAll((all, value) => all.forEach((field) => { field.value = value; }), theirs);
  await page.getByRole('button', { name: 'Delete webhook' }).click();
  await until('it is refused in words', async () => (await heading(page)) === 'This page was of a session before');
  await there(world, id);
}

/** Pages of others: one whose cookies count as the portal's (another port), and one whose do not (another name). */
async function notFromElsewhere(world, visitor, id) {
  const { page, context } = visitor;
  await page.goto(at('/portal/webhooks'));
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  // It even knows the token.
  const form = `<form id="evil" method="post" action="${at(`/portal/webhooks/${id}/delete`)}"><input name="csrf" value="${csrf}"><button>Win</button></form>`;
  const server = createServer((request, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(request.url === '/frame' ? `<title>evil</title><iframe src="${at('/portal/webhooks')}"></iframe>` : `<title>evil</title>${form}`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address();
    for (const site of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
      visitor.expects(new RegExp(`a request went to ${site}`));
      visitor.expects(/the console: (Refused to (display|frame)|Framing) .*(frame-ancestors|X-Frame-Options)/i);
      visitor.expects(/failed: net::ERR_(BLOCKED_BY_RESPONSE|FAILED)/);
      visitor.expects(new RegExp(`the console: Access to fetch at '${told.api}/.*' from origin '${site}' has been blocked by CORS policy`));
      const evil = await context.newPage();
      await evil.goto(`${site}/form`);
      const answered = evil.waitForResponse((response) => response.request().method() === 'POST');
      await evil.getByRole('button', { name: 'Win' }).click();
      assert.equal((await answered).status(), 403, site);
      await until('it says why', async () => /did not come from here/.test(await heading(evil)));
      await there(world, id);
      await reads(evil, site);
      await frames(evil, site);
      await evil.close();
    }
  } finally {
    server.close();
  }
  await page.reload();
  assert.equal(await heading(page), 'Webhooks', 'the session goes on');
  assert.match(await textOf(page.locator('#rows')), /other-sites\/hook/);
}

async function reads(evil, site) {
  await evil.goto(`${site}/form`);
  for (const path of ['/portal/webhooks', '/portal/static/portal.js', '/api/v2/webhooks/subscriptions']) {
    const read = await evil.evaluate(async (url) => {
      try {
        return await (await fetch(url, { credentials: 'include' })).text();
      } catch {
        return null;
      }
    }, at(path));
    assert.equal(read, null, `${site} reads ${path}`);
  }
}

/** Nobody can be made to click what they do not see. */
async function frames(evil, site) {
  await evil.goto(`${site}/frame`);
  await until('the frame is there', () => evil.frames().length === 2);
  const [, inner] = evil.frames();
  await inner.waitForLoadState();
  assert.doesNotMatch(await inner.content(), /Webhooks|Aerogram/, `${site} shows the portal`);
}
