package org.lars;

import java.net.InetSocketAddress;

/** Is called after each end of a call that was counted. See {@link Client.Builder#onEnd}. */
@FunctionalInterface
public interface EndListener {
    /**
     * Called in the thread that ended the call. It must not use the client. What it throws is logged
     * and has no other effect.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param node the node that was called; equal for equal nodes
     * @param outcome how the call went
     * @param path SHM or UDP: how the end was counted
     * @param tookMicros microseconds since the call began
     */
    void ended(
            int modid, int cmdid, InetSocketAddress node, Outcome outcome, Status.Path path, long tookMicros);
}
