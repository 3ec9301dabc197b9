// The other end is the test in Rust, which holds the system: a question goes out as a line, its answer comes in as one.
import { createInterface } from 'node:readline';

const waiting = new Map();
let asked = 0;
let begin;
const first = new Promise((resolve) => { begin = resolve; });

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line);
  const question = waiting.get(message.id);
  if (!question) return begin(message);
  waiting.delete(message.id);
  if (message.error) question.reject(new Error(`${question.what}: ${message.error}`));
  else question.resolve(message.answer);
});

const write = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Where everything is; see `told` in portal.rs. */
export const told = await first;

/** See `Asked::answer` in portal/asked.rs. */
export function ask(what, more = {}) {
  asked += 1;
  const id = asked;
  write({ ...more, ask: what, id });
  return new Promise((resolve, reject) => waiting.set(id, { what, resolve, reject }));
}

/** For who reads the output of the test. */
export const say = (text) => write({ say: text });

/** An address of the api. */
export const at = (path) => `${told.api}${path}`;
