// Somebody with a browser. Whatever they do, some things must never happen; those are noted, and told at the end.
import assert from 'node:assert/strict';
import { at, told } from './rig.mjs';
import { heading, until } from './until.mjs';

const PATIENCE_MS = 30_000;
/** Which parts of the policy have to stand in the head of every page. */
const POLICY = ["default-src 'none'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"];

export class Visitor {
  constructor(world, context) {
    Object.assign(this, { world, context, faults: [], expected: [] });
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('request', (request) => this.#asked(request));
    context.on('response', (response) => this.#answered(response));
    context.on('requestfailed', (request) => this.#failed(request));
    context.on('console', (message) => this.#complained(message));
    context.on('weberror', (error) => this.faults.push(`a script failed: ${error.error().message}`));
    context.on('dialog', (dialog) => {
      this.faults.push(`a dialog opened: ${dialog.message()}`);
      return dialog.dismiss();
    });
  }

  /** `options` are those of Playwright's contexts. */
  static async of(world, options = {}) {
    const context = await world.browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const visitor = new Visitor(world, context);
    visitor.page = await context.newPage();
    return visitor;
  }

  /** Says that a fault which reads like this is what the flow is about. */
  expects(pattern) {
    this.expected.push(pattern);
  }

  open(path) {
    return this.page.goto(at(path));
  }

  /** Signs in on the way to a page. */
  async signIn(to = '/portal/webhooks', token = this.world.token) {
    await this.open(to);
    await this.fillIn(token);
    await until(`${to} is shown`, () => this.page.url() === at(to));
    await this.page.waitForLoadState();
  }

  async fillIn(token, client = told.client) {
    await this.page.getByLabel('Application').fill(client);
    await this.page.getByLabel('Operator token').fill(token);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  path() {
    const { pathname, search } = new URL(this.page.url());
    return pathname + search;
  }

  async session() {
    const cookies = await this.context.cookies();
    return cookies.find((cookie) => cookie.name === '__Host-aerogram');
  }

  /** Opens a page that must not be there. */
  async findsNothing(path) {
    const answer = await this.open(path);
    assert.equal(answer.status(), 404, `${path} answers ${answer.status()}`);
    assert.equal(await heading(this.page), 'There is nothing at this address', path);
  }

  /** Nothing may have happened that must not. */
  async leave() {
    await this.context.close();
    const faults = this.faults.filter((fault) => !this.expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(faults, [], 'what must never happen');
  }

  #asked(request) {
    const { origin, protocol } = new URL(request.url());
    if (origin !== told.api && protocol !== 'data:' && protocol !== 'blob:') this.faults.push(`a request went to ${request.url()}`);
  }

  #answered(response) {
    const { origin, pathname } = new URL(response.url());
    if (origin !== told.api) return;
    if (response.status() >= 500) this.faults.push(`${pathname} answered ${response.status()}`);
    if (!pathname.startsWith('/portal')) return;
    const policy = response.headers()['content-security-policy'] ?? '';
    for (const part of POLICY) if (!policy.includes(part)) this.faults.push(`${pathname} came without ${part}`);
    if (/unsafe-|\*|data:|https?:/.test(policy)) this.faults.push(`${pathname} came with a policy that lets others in: ${policy}`);
  }

  #failed(request) {
    const why = request.failure()?.errorText;
    // Whoever goes on before an answer came, or keeps a file instead of a page, does not wait for it.
    if (why !== 'net::ERR_ABORTED') this.faults.push(`${request.url()} failed: ${why}`);
  }

  #complained(message) {
    // That an answer was 404 is what many flows are about; they look at it themselves. And htmx says so when a request was
    // given up for a newer one.
    const known = /^Failed to load resource|^htmx:(sendAbort|afterRequest)\b/;
    if (message.type() === 'error' && !known.test(message.text())) this.faults.push(`the console: ${message.text()}`);
  }
}
