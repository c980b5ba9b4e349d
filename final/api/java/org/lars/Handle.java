package org.lars;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A struct lars_client and the number of its users. The last user closes it, so that no thread is
 * in a native function then.
 */
final class Handle {
    final long p;
    private final long listener; // a global reference; 0 = none
    private final AtomicInteger users = new AtomicInteger(1);

    Handle(long p, long listener) {
        this.p = p;
        this.listener = listener;
    }

    /** Adds a user. Throws when the client is closed. */
    void retain() {
        int n = users.get();

        while (n > 0 && !users.compareAndSet(n, n + 1)) {
            n = users.get();
        }
        if (n == 0) {
            throw new IllegalStateException("the client is closed");
        }
    }

    void release() {
        if (users.decrementAndGet() == 0) {
            Native.close(p, listener);
        }
    }
}
