// usage: node run.mjs — started by portal.rs, which tells it on its input what to do. Runs the flows, some at a time, each as an
// operator of its own in contexts of its own, and ends with 1 when one of them failed.
import { chromium } from 'playwright-core';
import { say, told } from './rig.mjs';
import { World } from './world.mjs';

/** There are two cores, and flows wait more than they do. */
const AT_A_TIME = 3;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  // Nothing but this machine is there, even if something asks for it.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
});
const failed = [];

async function run(name) {
  const begun = Date.now();
  const world = new World(browser, name);
  try {
    const { default: flow } = await import(`./flows/${name}.mjs`);
    await flow(world);
    await world.end();
    say(`portal: ${name} passed after ${Date.now() - begun} ms`);
  } catch (error) {
    failed.push(name);
    const pages = world.visitors.flatMap(({ context }) => context.pages());
    const seen = await Promise.all(pages.map((page, number) => pictured(page, `${name}-${number}`)));
    const faults = world.visitors.flatMap(({ faults }) => faults);
    say(`portal: ${name} FAILED after ${Date.now() - begun} ms\n${error.stack}\nfaults: ${JSON.stringify(faults)}\nopen:\n${seen.join('\n')}`);
  }
}

/** What was to be seen when it failed. */
async function pictured(page, name) {
  const picture = `${told.dir}/${name}.png`;
  const taken = await page.screenshot({ path: picture, fullPage: true, timeout: 10_000 }).then(() => picture, (error) => error.message);
  return `${page.url()}: ${taken}`;
}

const left = [...told.flows];
const worker = async () => {
  for (let name = left.shift(); name; name = left.shift()) await run(name);
};
await Promise.all(Array.from({ length: AT_A_TIME }, worker));
for (const name of told.alone) await run(name);
await browser.close();
if (failed.length > 0) console.error(`these failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
