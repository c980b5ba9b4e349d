// What is wrong with gateways, from the brief of the overview and the wall.

/** How many: gateways that cannot be reached, and modules that refuse visitors or have only the
 *  copy of the site.  A module whose requests queue is no problem yet. */
export const gatewayProblems = brief => (brief ? brief.unreachable + brief.modules.filter(m => m.state !== 'queueing').length : 0)
