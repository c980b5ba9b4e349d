package org.lars;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A struct lars_client with the number of those who use it: it is closed by the last of them, so
 * that no thread is in it then.
 */
final class Handle {
    final long p;
    private final AtomicInteger users = new AtomicInteger(1);

    Handle(long p) {
        this.p = p;
    }

    /** One more; the client must not have been closed. */
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
            Native.close(p);
        }
    }
}
