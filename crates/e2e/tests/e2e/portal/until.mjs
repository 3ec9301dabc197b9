// Waiting for what is to come, and reading what is there.
import assert from 'node:assert/strict';

/** A machine under load may take a while. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** Looks until there is something, and answers it. An assertion that does not hold yet is looked at again as well. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    let why = 'nothing';
    try {
      const seen = await look();
      if (seen) return seen;
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
      why = error.message;
    }
    assert(Date.now() < end, `not within ${PATIENCE_MS / 1000} s: ${what}; the last look saw ${why}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** The text of an element, with single blanks. */
export const plain = (text) => text.replace(/\s+/g, ' ').trim();

/** The text of the first element. */
export const textOf = async (locator) => plain(await locator.first().textContent());

/** The texts of all elements. */
export const textsOf = async (locator) => (await locator.allTextContents()).map(plain);

/** The heading of a page. */
export const heading = (page) => textOf(page.locator('h1'));

/** The text of a column, by its heading, of all rows that are no details. */
export const column = (page, name) => textsOf(page.locator(`#rows > tr:not(.detail) > td[data-label="${name}"]`));

/** Waits until a column reads so. */
export async function untilColumn(page, name, expected, message) {
  await until(`the column ${name} reads ${JSON.stringify(expected)}`, async () => {
    assert.deepEqual(await column(page, name), expected, message);
    return true;
  });
}
