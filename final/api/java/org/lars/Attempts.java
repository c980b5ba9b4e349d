package org.lars;

import java.lang.ref.Cleaner;

/**
 * One request that may be tried at several nodes. Thread: one at a time.
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
    private long retry; // struct lars_retry; 0 = not begun
    private Cleaner.Cleanable memory;
    private int error;

    Attempts(Client client, int modid, int cmdid) {
        this.client = client;
        this.modid = modid;
        this.cmdid = cmdid;
    }

    /** At most so many, 4; 0 = 3. */
    public Attempts atMost(int n) {
        attempts = n;
        return this;
    }

    /** Of all together; 0 = a second. */
    public Attempts timeoutMs(int ms) {
        timeoutMs = ms;
        return this;
    }

    /** It may be done twice. */
    public Attempts idempotent() {
        idempotent = true;
        return this;
    }

    public Attempts key(long k) {
        key = k;
        return this;
    }

    public Attempts budget(Budget b) {
        budget = b;
        return this;
    }

    /** Another node? Throws when there is none for the first attempt. */
    public boolean next() {
        boolean first = retry == 0;

        if (first) {
            begin();
        }
        call.close();
        int rc = call.begun(Native.next(client.handle(), retry, call.host()));

        error = rc < 0 ? rc : 0;
        if (first) {
            LarsException.check(rc);
        }
        return rc >= 0;
    }

    private void begin() {
        long p =
                Native.newRetry(
                        modid, cmdid, attempts, timeoutMs, idempotent, key, budget == null ? 0 : budget.p);

        if (p == 0) {
            throw new OutOfMemoryError("attempts");
        }
        retry = p;
        memory = Client.CLEANER.register(this, () -> Native.free(p));
        call = client.newCall();
    }

    public Call call() {
        return call;
    }

    /** What is left of the time: pass it on. */
    public int leftMs() {
        return Native.leftMs(retry);
    }

    /** Why there is no other one, as in lars.h; 0 = there was. */
    public int error() {
        return error;
    }

    @Override
    public void close() {
        if (call != null) {
            call.free();
        }
        if (memory != null) {
            memory.clean();
        }
    }
}
