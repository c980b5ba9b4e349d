/**
 * Lars for business code: which node to call, and how the call went. The header lars.h explains the
 * terms, the order in which nodes are looked for, and every result. Start with {@link
 * org.lars.Client}.
 */
package org.lars;
