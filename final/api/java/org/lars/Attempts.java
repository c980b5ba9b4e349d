package org.lars;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;

/**
 * A request that may be tried at several nodes. One thread at a time may use it.
 *
 * <pre>
 * try (Attempts a = client.attempts(1, 1).idempotent().budget(budget)) {
 *     while (a.next()) {
 *         if (ask(a.call().address(), a.leftMs())) {
 *             a.call().ok();
 *             break;
 *         }
 *         a.call().failed();
 *     }
 * }
 * </pre>
 */
public final class Attempts implements AutoCloseable {
    private final Client client;
    private final int modid;
    private final int cmdid;
    private int attempts;
    private int timeoutMs;
    private boolean idempotent;
    private long key;
    private Budget budget;
    private Call call;
    private long retry; // struct lars_retry; 0 = no attempt yet
    private Cleaner.Cleanable memory;
    private int error;
    private boolean closed;

    Attempts(Client client, int modid, int cmdid) {
        this.client = client;
        this.modid = modid;
        this.cmdid = cmdid;
    }

    /**
     * Sets the number of attempts.
     *
     * @param n at most 4; 0 = 3
     * @return this
     */
    public Attempts atMost(int n) {
        attempts = n;
        return this;
    }

    /**
     * Sets the time of all attempts together.
     *
     * @param ms milliseconds from 0 to 3600000; 0 = one second
     * @return this
     */
    public Attempts timeoutMs(long ms) {
        timeoutMs = Client.timeout("timeoutMs", ms);
        return this;
    }

    /**
     * As timeoutMs(long), for programs that were compiled with version 1.1.
     *
     * @param ms milliseconds from 0 to 3600000; 0 = one second
     * @return this
     */
    public Attempts timeoutMs(int ms) {
        return timeoutMs((long) ms);
    }

    /**
     * Allows the call to be repeated; without this there is one attempt.
     *
     * @return this
     */
    public Attempts idempotent() {
        idempotent = true;
        return this;
    }

    /**
     * Sets the key, for modules whose policy is hash.
     *
     * @param k such as {@link Client#key(String)} makes
     * @return this
     */
    public Attempts key(long k) {
        key = k;
        return this;
    }

    /**
     * Sets the retry budget, which bounds the attempts of all requests together.
     *
     * @param b that of the module
     * @return this
     */
    public Attempts budget(Budget b) {
        budget = b;
        return this;
    }

    /**
     * The next attempt; false when there is none, and error() has the reason. Throws when there is no
     * node for the first attempt. An attempt without a report has failed.
     *
     * @return true when there is one
     */
    public boolean next() {
        boolean first = retry == 0;

        if (closed) {
            throw new IllegalStateException("the attempts are closed");
        }
        if (first) {
            begin();
        }
        call.close();
        int rc = call.tryNext(retry);

        Reference.reachabilityFence(this);
        error = rc < 0 ? rc : 0;
        if (first) {
            LarsException.check(rc);
        }
        return rc >= 0;
    }

    private void begin() {
        call = client.newCall();
        long p =
                Native.newRetry(
                        modid, cmdid, attempts, timeoutMs, idempotent, key, budget == null ? 0 : budget.p);

        if (p == 0) {
            throw new OutOfMemoryError("attempts");
        }
        retry = p;
        memory = Client.CLEANER.register(this, () -> Native.free(p));
    }

    /**
     * The attempt that next() began.
     *
     * @return its call
     */
    public Call call() {
        if (call == null) {
            throw new IllegalStateException("there is no attempt yet: next() has not been called");
        }
        return call;
    }

    /**
     * The time that the request has left: the time-out of this attempt.
     *
     * @return milliseconds
     */
    public int leftMs() {
        int ms = retry == 0 ? 0 : Native.leftMs(retry);

        Reference.reachabilityFence(this);
        return ms;
    }

    /**
     * Why next() returned false.
     *
     * @return a negative errno code; 0 = it returned true
     */
    public int error() {
        return error;
    }

    /**
     * Why next() returned false.
     *
     * @return error() as a sentence
     */
    public String reason() {
        return Native.describe(error);
    }

    /** Reports an attempt that has no report as failed, and frees the memory. */
    @Override
    public void close() {
        closed = true;
        retry = 0;
        if (call != null) {
            call.free();
        }
        if (memory != null) {
            memory.clean();
        }
    }
}
