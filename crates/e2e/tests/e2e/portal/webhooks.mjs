// What several flows have in their list: webhooks of several kinds.

/** In the order in which they are made, which is that of their numbers. */
export const KINDS = [
  { name: 'delay', event: 'FLIGHT_DELAY_STATUS_CHANGE', title: 'Flight Delay Status Change', contractId: 'C-100' },
  { name: 'added', event: 'PRODUCT_ADDED', title: 'Product Added', contractId: 'C-200' },
  { name: 'updated', event: 'PRODUCT_UPDATED', title: 'Product Updated', contractId: 'C-100' },
  { name: 'removed', event: 'PRODUCT_REMOVED', title: 'Product Removed', status: 'INACTIVE' },
  { name: 'created', event: 'FLIGHT_CREATE', title: 'Flight created' },
  { name: 'crew', event: 'FLIGHT_CREW_ASSIGNMENT', title: 'Crew assigned or replaced', status: 'INACTIVE' },
  { name: 'disrupted', event: 'OrderDisrupted', title: 'Order disrupted' },
];

/** Makes them; answers what a list has to show of each. */
export async function makeAll(world) {
  const made = [];
  for (const { name, event, title, ...more } of KINDS) {
    const { id, expirationDateTime } = await world.subscribe(event, name, more);
    const { contractId = null, status = 'ACTIVE' } = more;
    made.push({ no: made.length + 1, id, url: world.url(name), title, event, contractId, status, expires: expirationDateTime });
  }
  return made;
}

export const word = (status) => (status === 'ACTIVE' ? 'Active' : 'Inactive');
