// What a flow stands on: an operator of its own, whose events and webhooks nobody else touches.
import assert from 'node:assert/strict';
import { ask, at, told } from './rig.mjs';
import { until } from './until.mjs';
import { Visitor } from './visitor.mjs';

export class World {
  constructor(browser, operator) {
    Object.assign(this, { browser, operator, visitors: [], token: `token of ${operator} for the portal` });
    this.readingToken = `token of ${operator} to look only`;
  }

  /** Another operator's, with nothing in common. */
  other(operator) {
    return new World(this.browser, operator);
  }

  async visitor(options) {
    const visitor = await Visitor.of(this, options);
    this.visitors.push(visitor);
    return visitor;
  }

  /** One that has signed in already. */
  async signedIn(to, options) {
    const visitor = await this.visitor(options);
    await visitor.signIn(to);
    return visitor;
  }

  async end() {
    for (const visitor of this.visitors) await visitor.leave();
  }

  /** A call of the API, past the portal. */
  async rest(method, path, body, headers = {}) {
    const own = { 'x-api-client-id': told.client, 'x-auth-token': this.token, 'content-type': 'application/json' };
    const answer = await fetch(at(`/api/v2/webhooks${path}`), { method, headers: { ...own, ...headers }, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, etag: answer.headers.get('etag'), json: text ? JSON.parse(text) : null };
  }

  async get(path) {
    const { status, json } = await this.rest('GET', path);
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`);
    return json;
  }

  /** The receiver's path of this name. */
  path(name) {
    return `/${this.operator}/${name}`;
  }

  url(name) {
    return told.receiver + this.path(name);
  }

  /** Makes a subscription over REST; answers what REST does, with the key. */
  async subscribe(event, name, more = {}) {
    const signingKey = `the key of ${this.operator} for ${name}`;
    const body = { event, callbackUrl: this.url(name), signingKey, ...more };
    const { status, json } = await this.rest('POST', '/subscriptions', body);
    assert.equal(status, 201, JSON.stringify(json));
    return { ...json, key: body.signingKey };
  }

  /** Events of this operator; what they have in common first. */
  publish(type, events) {
    const operator = this.operator;
    return ask('publish', { events: events.map((event) => ({ operator, type, data: {}, ...event })) });
  }

  behave(name, status, body = '', headers = {}) {
    return ask('behave', { path: this.path(name), status, body, headers });
  }

  /** What the receiver wrote down. */
  log(name) {
    return ask('log', { path: this.path(name) });
  }

  /** Waits until the receiver has had so many requests. */
  arrived(name, count) {
    return until(`${count} requests at ${this.path(name)}`, async () => {
      const log = await this.log(name);
      assert(log.length >= count, `${log.length} requests`);
      return log;
    });
  }

  /** Waits until so many deliveries are listed for a query, and answers them. */
  deliveries(query, count) {
    return until(`${count} deliveries for ${query}`, async () => {
      const { deliveries } = await this.get(`/deliveries?${query}&limit=200`);
      assert.equal(deliveries.length, count, JSON.stringify(deliveries.map(({ eventId, status }) => [eventId, status])));
      return deliveries;
    });
  }

  /** Waits until an event is known, and answers its story. */
  story(id) {
    return until(`the event ${id} is known`, async () => {
      const { status, json } = await this.rest('GET', `/events/${encodeURIComponent(id)}`);
      return status === 200 ? json : null;
    });
  }
}
