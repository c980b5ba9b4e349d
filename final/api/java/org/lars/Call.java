package org.lars;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;

/** A call: its node, and the report of how it went. One thread at a time may use it. */
public final class Call implements AutoCloseable {
    private static final int EALREADY = -114;
    private final Client client;
    private final Handle handle; // retained
    private final boolean once; // close() frees its memory
    private final Cleaner.Cleanable memory;
    private long host; // struct lars_host; 0 = freed
    private boolean open; // begun and not reported
    private boolean hasNode;
    private boolean fromFile;

    Call(Client client, boolean once) {
        Handle h = client.retained();
        long p = Native.newCall();

        if (p == 0) {
            h.release();
            throw new OutOfMemoryError("a call");
        }
        this.client = client;
        this.handle = h;
        this.once = once;
        this.host = p;
        this.memory = Client.CLEANER.register(this, () -> giveBack(h, p));
    }

    private static void giveBack(Handle h, long p) {
        Native.free(p);
        h.release();
    }

    /** The memory for the node of a call that is about to begin. */
    private long forBegin() {
        if (open) {
            throw new IllegalStateException("the call before has not ended");
        }
        client.checkOpen();
        return memory();
    }

    private long memory() {
        if (host == 0) {
            throw new IllegalStateException("the call is closed");
        }
        return host;
    }

    private int begun(int rc) {
        open = rc >= 0;
        hasNode |= open;
        fromFile = rc == 1;
        Reference.reachabilityFence(this); // not collected while the native function ran
        return rc;
    }

    /**
     * Begins the call: picks a node. Throws no LarsException.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key for modules whose policy is hash; 0 = none
     * @return 0; 1 = the node is from the file of routes; below zero a negative errno code
     */
    public int tryBegin(int modid, int cmdid, long key) {
        return begun(Native.get(handle.p, forBegin(), modid, cmdid, key));
    }

    /**
     * As tryBegin(), with a time-out for this call.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key for modules whose policy is hash; 0 = none
     * @param timeoutMs milliseconds from 0 to 3600000; 0 = that of the client
     * @return as tryBegin()
     */
    public int tryBegin(int modid, int cmdid, long key, long timeoutMs) {
        int ms = Client.timeout("timeoutMs", timeoutMs);

        return begun(Native.getTimed(handle.p, forBegin(), modid, cmdid, key, ms));
    }

    /**
     * As tryBegin(), but never waits.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key for modules whose policy is hash; 0 = none
     * @return as tryBegin(); -115 (EINPROGRESS) where it would wait; -107 (ENOTCONN) when this process
     *     cannot use shared memory
     */
    public int tryBeginNowait(int modid, int cmdid, long key) {
        return begun(Native.getNowait(handle.p, forBegin(), modid, cmdid, key));
    }

    /** As lars_retry_next(). */
    int tryNext(long retry) {
        return begun(Native.next(handle.p, retry, forBegin()));
    }

    /**
     * As tryBegin(), but throws LarsException when there is no node.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key for modules whose policy is hash; 0 = none
     */
    public void begin(int modid, int cmdid, long key) {
        LarsException.check(tryBegin(modid, cmdid, key));
    }

    /**
     * As begin(), with a time-out for this call.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key for modules whose policy is hash; 0 = none
     * @param timeoutMs milliseconds from 0 to 3600000; 0 = that of the client
     */
    public void begin(int modid, int cmdid, long key, long timeoutMs) {
        LarsException.check(tryBegin(modid, cmdid, key, timeoutMs));
    }

    private int end(int outcome) {
        int rc = host == 0 || hasNode && !open ? EALREADY : Native.end(handle.p, host, outcome);

        open = false;
        Reference.reachabilityFence(this);
        return rc;
    }

    /**
     * Ends the call, once.
     *
     * @param outcome how it went
     * @return 0, or a negative errno code as lars_end(): -114 (EALREADY) when it had ended before
     * @throws IllegalArgumentException when the outcome is null; the call has not ended then
     */
    public int end(Outcome outcome) {
        if (outcome == null) {
            throw new IllegalArgumentException("outcome: it is null");
        }
        return end(outcome.ordinal());
    }

    /**
     * Ends the call by a return code.
     *
     * @param retcode 0 means success, any other value failure
     * @return as end()
     */
    public int report(int retcode) {
        return end(retcode == 0 ? 0 : 1);
    }

    /**
     * Ends the call, which succeeded.
     *
     * @return as end()
     */
    public int ok() {
        return end(0);
    }

    /**
     * Ends the call, which failed.
     *
     * @return as end()
     */
    public int failed() {
        return end(1);
    }

    /**
     * Ends the call, which was given up for a reason that says nothing about the node.
     *
     * @return as end()
     */
    public int cancel() {
        return end(Outcome.CANCELLED);
    }

    /** The memory of a call that has a node. */
    private long withNode() {
        if (!hasNode && host != 0) {
            throw new IllegalStateException("the call has no node yet: begin() has not succeeded");
        }
        return memory();
    }

    /**
     * The node to call. This method allocates.
     *
     * @return its address and port
     */
    public InetSocketAddress address() {
        InetSocketAddress at = new InetSocketAddress(Client.address(Native.ip(withNode())), port());

        Reference.reachabilityFence(this);
        return at;
    }

    /**
     * The port of the node to call.
     *
     * @return from 0 to 65535
     */
    public int port() {
        int port = Native.port(withNode());

        Reference.reachabilityFence(this);
        return port;
    }

    /**
     * Is the node from the file of routes, because the agent does not answer?
     *
     * @return true when it is
     */
    public boolean isFromFile() {
        return fromFile;
    }

    /**
     * Reports the call as failed unless it was reported. A call of Client.newCall() may be begun
     * again; a call of Client.call() is freed.
     */
    @Override
    public void close() {
        if (open) {
            end(1);
        }
        if (once) {
            free();
        }
    }

    /** Frees the memory now, and not when the object is collected. */
    public void free() {
        if (open) {
            end(1);
        }
        host = 0;
        memory.clean();
    }
}
